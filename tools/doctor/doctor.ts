/** `npm run doctor`: one line per thing Spell needs here: ok, or the command that puts it right. */
import { examinations } from "./examinations.ts";

const width = Math.max(...examinations.map(({ name }) => name.length)) + 2;
let missing = 0;
for (const examination of examinations) {
  const { name, needed } = examination;
  const finding = await examination.examine();
  if (!finding.ok && needed) missing += 1;
  const verdict = finding.ok ? "ok     " : needed ? "MISSING" : "note   ";
  const cure = finding.ok ? "" : `  →  ${finding.cure}`;
  console.log(`${verdict} ${name.padEnd(width)}${finding.found}${cure}`);
}
console.log(missing === 0 ? "\nAll that is needed is here." : `\n${missing} needed and not in order.`);
process.exitCode = missing === 0 ? 0 : 1;
