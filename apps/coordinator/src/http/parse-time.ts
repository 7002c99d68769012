/** Times as clients write them. Pure. */
import { invalidInput } from "@spell/domain";

const TIME = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:?\d\d)?$/;

/** Unix milliseconds with microseconds behind the point; without an offset the time is UTC. Throws invalid-input. */
export function parseTime(text: string | null | undefined): number | undefined {
  if (text === null || text === undefined) return undefined;
  const [, day, time, fraction = "", offset = "Z"] = TIME.exec(text) ?? [];
  const secondsMs = Date.parse(`${day}T${time}${offset.toUpperCase().replace(/^([+-]\d\d)(\d\d)$/, "$1:$2")}`);
  if (Number.isNaN(secondsMs)) {
    throw invalidInput(
      `${JSON.stringify(text.slice(0, 80))} is no time such as 2024-01-31T12:34:56.123456Z.`,
      "bad-time",
    );
  }
  return (secondsMs * 1_000 + Number(fraction.slice(0, 6).padEnd(6, "0"))) / 1_000;
}
