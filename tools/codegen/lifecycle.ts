/**
 * What is made from the tables of libs/domain: the tables of docs/lifecycle.md, each between two marks in it, and the Python
 * package's constants. Pure.
 */
import {
  EFFECTS,
  FINAL_STATUSES,
  OUTCOME_TABLE,
  REASON_CODES,
  RUN_STATUSES,
  TRANSIENT_STATUSES,
  TRANSITION_TABLE,
  reasonRow,
} from "@spell/domain";
import type { OutcomeRow } from "@spell/domain";

/** The document with its tables as they must be. Throws for a mark that no table belongs to. */
export function lifecycleDocument(text: string): string {
  return text.replace(
    /(<!-- table: ([a-z]+) -->\n)[^]*?(<!-- end -->)/g,
    (_all, begin: string, name: string, end: string) => {
      const table = TABLES[name];
      if (table === undefined) throw new Error(`docs/lifecycle.md asks for a table "${name}", which there is not.`);
      return `${begin}${table()}${end}`;
    },
  );
}

/** How many statuses have an attempt in force. */
const HELD = TRANSIENT_STATUSES.length - 1;

const TABLES: Record<string, () => string> = {
  transitions: () =>
    markdown(
      ["from", "event", "if", "to", "what is done", "reason"],
      TRANSITION_TABLE.map(({ from, event, when = [], to, effects, reason, closer }) => [
        from.length === HELD ? "any but `machine_requested`" : codes(from),
        event,
        codes(when),
        codes([to]),
        effects.join(", "),
        reason === undefined
          ? ""
          : `${codes([reason])}${closer === undefined ? "" : `, or a closer one (${closer.join(", ")})`}`,
      ]),
    ),
  effects: () => markdown(["what is done", "that is"], Object.entries(EFFECTS)),
  outcomes: () =>
    markdown(
      ["what is true of the attempt", "that is", "cause", "reason", "outputs"],
      OUTCOME_TABLE.map(({ when, meaning, cause, reason, saves }: OutcomeRow) => [
        ...[when, meaning, codes([cause]), reason === undefined ? "" : codes([reason]), saves ? "stored" : "none"],
      ]),
    ),
  reasons: () =>
    markdown(
      ["reason", "whose doing", "statuses", "sentence"],
      REASON_CODES.map((code) => {
        const { doing, statuses, sentence } = reasonRow(code);
        return [codes([code]), doing, codes(statuses), sentence];
      }),
    ),
};

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function codes(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(" ");
}

/** The module `spell.lifecycle`. */
export function pythonLifecycle(): string {
  const doers = REASON_CODES.map((code) => `    "${code}": "${reasonRow(code).doing}",\n`);
  return `"""Statuses of runs, and the reasons for which they end. Made by npm run codegen from the tables of libs/domain."""

from typing import Dict, Tuple

${RUN_STATUSES.map((status) => `${status.toUpperCase()} = "${status}"\n`).join("")}
#: Statuses that never change again.
FINAL: Tuple[str, ...] = (
${FINAL_STATUSES.map((status) => `    ${status.toUpperCase()},\n`).join("")})

#: Whose doing an end with this reason code was: the user's program, the will of the user, the operator's, or ours.
DOING: Dict[str, str] = {
${doers.join("")}}
`;
}
