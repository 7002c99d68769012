import { expect, test } from "vitest";
import { hiddenCloneHint, nextSteps } from "./next-steps.ts";
import { shellWord } from "./shell-word.ts";

test.each([
  ["a/b.c=d", "a/b.c=d"],
  ["python workflow.py", '"python workflow.py"'],
  ["", '""'],
  ["~/x", '"~/x"'],
  ["it's $HOME", "'it'\\''s $HOME'"],
])("the word %j is written %s", (word, written) => {
  expect(shellWord(word)).toBe(written);
});

test("names the text only where the example cannot get its own", () => {
  const root = "/home/user/my spell";
  const online = nextSteps({ root, typescript: false }).join("\n");
  expect(online).toContain('  cd "/home/user/my spell"\n');
  expect(online).toContain('  spell workflow --repo char-rnn=. "python workflow.py"\n');
  const offline = nextSteps({ root, textUrl: "file:///a.txt", typescript: true }).join("\n");
  expect(offline).toContain('  spell workflow --repo char-rnn=. -e TEXT_URL=file:///a.txt "node workflow.ts"\n');
});

test("a clone in /tmp is named as a cause where runs do not see it", () => {
  expect(hiddenCloneHint("/tmp/spell", 1000).join()).toContain("Move it");
  expect(hiddenCloneHint("/tmp/spell", 0)).toEqual([]);
  expect(hiddenCloneHint("/home/user/tmp/spell", 1000)).toEqual([]);
});
