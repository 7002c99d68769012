import { expect, test } from "vitest";
import { withoutCommands } from "./clean-text.ts";

test.each([
  "\x1b[31mred\x1b[0m \x1b[38;5;9mred\x1b[m \x1b[4:3mcurly\x1b[0m",
  "10%\r\x1b[2K100%\r",
  "\x1b[?25l\x1b[1A\x1b[2K\x1b[1G 3/7\x1b[?25h",
  "\x1b[2J\x1b[H top",
  "tabs\tand bells\x07, NUL \0, \ufffd, é, 🎉",
])("%j stays as it is", (text) => expect(withoutCommands(text)).toBe(text));

test.each([
  ["a title", "a\x1b]0;title\x07b", "ab"],
  ["a title ended otherwise", "a\x1b]0;title\x1b\\b\x9d0;title\x9cc", "abc"],
  ["the clipboard, not ended", "a\x1b]52;c;ZXZpbA==", "a"],
  ["device strings", "a\x1bP+q544e\x1b\\b\x1bX x\x1b\\c\x1b^x\x1b\\d\x1b_x\x1b\\e", "abcde"],
  ["questions that are answered as typed text", "a\x1b[6nb\x1b[cc\x1b[>0cd\x1b[21te\x9b6nf", "abcdef"],
  ["modes: other screen, mouse, paste", "a\x1b[?1049hb\x1b[?1000hc\x1b[?2004hd\x1b[4he", "abcde"],
  ["scroll region and printer", "a\x1b[2;3rb\x1b[5ic", "abc"],
  ["resets and character sets", "a\x1bcb\x1b(0c\x1b[!pd\x1b#8e", "abcde"],
  ["an escape at the end, completed on the next line", "a\x1b", "a"],
  ["an escape completed behind a control character", "a\x1b\r]0;title\x07", "a\r]0;title\x07"],
  ["parameters at the end", "a\x1b[3", "a"],
])("%s: taken out", (_name, text, shown) => expect(withoutCommands(text)).toBe(shown));
