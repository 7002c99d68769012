/** What the commands of a simulated user do, as the command line says it: `simulated WORD lines=3 every=200 exit=0 writes=1 term=obeys`. */

export interface Program {
  /** In every line it prints. */
  word: string;
  lines: number;
  /** Between two lines, milliseconds. */
  everyMs: number;
  exitCode: number;
  writes: boolean;
  onTerm: "obeys" | "finishes" | "ignores";
}

export function commandOf(program: Program): string {
  const { word, lines, everyMs, exitCode, writes, onTerm } = program;
  return `simulated ${word} lines=${lines} every=${everyMs} exit=${exitCode} writes=${writes ? 1 : 0} term=${onTerm}`;
}

export function programOf(command: string): Program {
  const [, word = ""] = command.split(" ");
  const field = (name: string): string => new RegExp(` ${name}=(\\S+)`).exec(command)?.[1] ?? "";
  return {
    word,
    lines: Number(field("lines")),
    everyMs: Number(field("every")),
    exitCode: Number(field("exit")),
    writes: field("writes") === "1",
    onTerm: field("term") as Program["onTerm"],
  };
}

/** The line of this number, from 0, as this attempt prints it. */
export function lineOf(program: Program, attempt: number, number: number): string {
  return `${program.word} prints line ${number} of attempt ${attempt}`;
}

/** The attempt that a line of this program's log was printed by; undefined: it is nothing that the program prints. */
export function attemptOf(line: string): number | undefined {
  const attempt = / of attempt (\d+)$/.exec(line)?.[1];
  return attempt === undefined ? undefined : Number(attempt);
}

/** The file that an attempt leaves, and what stands in it. */
export function outputOf(program: Program, attempt: number): { path: string; text: string } {
  return { path: `${program.word}.txt`, text: `written by ${program.word} in attempt ${attempt}\n` };
}
