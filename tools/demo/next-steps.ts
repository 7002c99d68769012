/** What to type after the demo: lines that work when they are pasted. Pure. */
import { shellWord } from "./shell-word.ts";
import type { Workplace } from "./workplace.ts";

export interface NextStepsOptions {
  /** Root of the clone: absolute path. */
  root: string;
  /** The text to learn from; undefined: the example's own address can be reached. */
  textUrl?: string;
  typescript: boolean;
}

/** Lines for people. */
export function nextSteps({ root, textUrl, typescript }: NextStepsOptions): string[] {
  const command = typescript ? "node workflow.ts" : "python workflow.py";
  const text = textUrl === undefined ? "" : ` -e TEXT_URL=${shellWord(textUrl)}`;
  const path = 'export PATH="$PWD/node_modules/.bin:$PWD/.venv/bin:$PATH"';
  return [
    "To go on by hand, in one terminal (^C ends it; the data stays in ~/.spell/data):",
    "",
    `  cd ${shellWord(root)}`,
    `  ${path}`,
    "  spell up",
    "",
    "and in another (spell up has logged you in):",
    "",
    `  cd ${shellWord(root)}`,
    `  ${path}`,
    "  cd examples/char-rnn",
    `  spell workflow --repo char-rnn=.${text} "${command}"`,
    "  spell ps",
    '  spell run "echo hello > hello.txt"',
    "",
    "What it is and what else it does: README.md. How it works: ARCHITECTURE.md.",
  ];
}

/** Where everything stayed, and how to start the farm again on it. */
export function keptNote(place: Workplace): string {
  const again = `SPELL_DIR=${shellWord(place.login)} spell up --data ${shellWord(place.data)}`;
  return `Kept in ${place.path}; the same farm again: ${again}`;
}

/** A likely cause of a failure: the runs of an ordinary user have a /tmp of their own, and so no clone that lies in it. */
export function hiddenCloneHint(root: string, userId: number | undefined): string[] {
  if (userId === 0 || !root.startsWith("/tmp/")) return [];
  return [`This clone lies in /tmp, which runs do not see unless root starts them. Move it, for example to your home.`];
}
