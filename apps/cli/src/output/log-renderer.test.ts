import type { LogEntry } from "@spell/domain";
import { describe, expect, test } from "vitest";
import { LogRenderer } from "./log-renderer.ts";

const entry = (status: string, text: string, more: Partial<LogEntry> = {}): LogEntry => ({
  atMs: 0,
  text,
  status,
  statusEvent: false,
  level: "",
  partial: false,
  ...more,
});
const event = (status: string, text: string, level = "info"): LogEntry =>
  entry(status, text, { statusEvent: true, level });
const notice = (status: string, text: string, level = "info"): LogEntry => entry(status, text, { level });
const user = (text: string, partial = false): LogEntry => entry("running", text, { partial });

/** A whole life. */
const LIFE = [
  event("machine_requested", "Run created -- waiting for a CPU machine."),
  event("building", "Run is building"),
  notice("building", "Machine acquired -- commencing run"),
  event("running", "Run is running"),
  user("waiting for run 336 to complete"),
  user(""),
  user("\x1b[31mred\x1b[0m 50%\r100%"),
  event("saving", "Run is saving"),
  notice("saving", "No modified or new files found"),
  event("pushing", "Run is pushing"),
  event("complete", "Total run time: 13.261553s"),
  event("complete", "Run 335 complete"),
];

const PLAIN = { live: false, onTerminal: false, emoji: true, columns: 80 };
const LIVE = { ...PLAIN, live: true, onTerminal: true };

function render(entries: LogEntry[], options: { live?: boolean; emoji?: boolean } = {}): string {
  const renderer = new LogRenderer({ ...(options.live ? LIVE : PLAIN), ...options });
  return entries.map((each) => renderer.entry(each)).join("") + renderer.end();
}

/** What stays on a terminal: a line that was cleared is gone. */
function onScreen(output: string): string {
  return output
    .split("\n")
    .map((line) => line.split("\r\x1b[K").at(-1))
    .join("\n");
}

describe("LogRenderer - plain", () => {
  test("prints every message, status changes with their emoji", () => {
    expect(render(LIFE)).toBe(`✨ Run created -- waiting for a CPU machine.
✨ Run is building
Machine acquired -- commencing run
✨ Run is running
waiting for run 336 to complete

\x1b[31mred\x1b[0m 50%\r100%
✨ Run is saving
No modified or new files found
✨ Run is pushing
🎉 Total run time: 13.261553s
🎉 Run 335 complete
`);
  });

  test("without UTF-8 keeps the words only", () => {
    expect(render(LIFE.slice(-2), { emoji: false })).toBe("Total run time: 13.261553s\nRun 335 complete\n");
  });

  test.each([
    ["failed", "💥"],
    ["build_failed", "💥"],
    ["mount_failed", "💥"],
    ["stopping", "💫"],
    ["killing", "💫"],
    ["killed", "💀"],
    ["stopped", "✋"],
    ["interrupted", "✋"],
    ["something_new", "✨"],
  ])("%s is %s", (status, emoji) => {
    expect(render([event(status, "it ended")])).toBe(`${emoji} it ended\n`);
  });

  test("joins the pieces of a long line, and ends one that is cut short", () => {
    expect(render([user("a", true), user("b", true), user("c"), user("d")])).toBe("abc\nd\n");
    expect(render([user("cut", true), event("saving", "Run is saving")])).toBe("cut\n✨ Run is saving\n");
    expect(render([user("cut", true)])).toBe("cut\n");
  });

  test("gives user lines byte for byte, and a terminal without what would command it", () => {
    const hostile = "\x1b]52;c;ZXZpbA==\x07 \u0000 \ufffd …";
    expect(render([user(hostile)], { emoji: false })).toBe(`${hostile}\n`);
    const verbose = new LogRenderer({ ...PLAIN, onTerminal: true });
    expect(verbose.entry(user(hostile))).toBe(" \u0000 \ufffd …\n");
    expect(verbose.entry(notice("building", "no folder \x1b]0;t\x07x"))).toBe("no folder x\n");
  });
});

describe("LogRenderer - live", () => {
  test("leaves the known transcript on the screen", () => {
    expect(onScreen(render(LIFE, { live: true }))).toBe(`✨ Machine_Requested… done
✨ Building… done
✨ Run is running
waiting for run 336 to complete

\x1b[31mred\x1b[0m 50%\r100%
✨ Saving… done
✨ Pushing… done
🎉 Total run time: 13.261553s
🎉 Run 335 complete
`);
  });

  test("without UTF-8", () => {
    expect(
      onScreen(render(LIFE, { live: true, emoji: false }))
        .split("\n")
        .slice(0, 3),
    ).toEqual(["Machine_Requested... done", "Building... done", "Run is running"]);
  });

  test("rewrites one line with each message, never wider than the terminal", () => {
    const renderer = new LogRenderer({ ...LIVE, columns: 30 });
    expect(renderer.tick()).toBe("");
    expect(renderer.entry(event("building", "Run is building"))).toBe("\r\x1b[K⭐ Building… Run is building");
    expect(renderer.entry(notice("building", "one\ntwo\x1b]0;title\x07 three"))).toBe(
      "\r\x1b[K⭐ Building… one two three",
    );
    expect(renderer.tick()).toBe("\r\x1b[K🌟 Building… one two three");
    const long = renderer.entry(notice("building", "x".repeat(200)));
    expect(long.length - "\r\x1b[K".length).toBeLessThanOrEqual(30);
    expect(renderer.end()).toContain("✨ Building… xxx");
  });

  test("goes straight from waiting to the end", () => {
    const entries = [event("machine_requested", "Run created"), event("killed", "Run 3 killed: Cancelled.")];
    expect(onScreen(render(entries, { live: true }))).toBe("✨ Machine_Requested… done\n💀 Run 3 killed: Cancelled.\n");
  });

  test("shows an error at once and remembers that there is more to see", () => {
    const renderer = new LogRenderer(LIVE);
    const output = [
      event("building", "Run is building"),
      notice("building", "No space left on the machine.", "error"),
      event("build_failed", "Run 3 build_failed: No space left on the machine.", "error"),
    ]
      .map((each) => renderer.entry(each))
      .join("");
    expect(onScreen(output + renderer.end())).toBe(
      "✖ No space left on the machine.\n💥 Run 3 build_failed: No space left on the machine.\n",
    );
    expect(renderer.hasHiddenCause).toBe(true);
    const failed = [event("running", "Run is running"), event("failed", "Run 3 failed: exit code 1.", "error")];
    const other = new LogRenderer(LIVE);
    for (const each of failed) other.entry(each);
    expect(other.hasHiddenCause).toBe(true);
  });

  test("takes commands to the terminal out of user lines, also unfinished ones, and leaves colours", () => {
    const lines = [
      "\x1b]0;owned\x07a",
      "\x1b]52;c;ZXZpbA==\x1b\\b",
      "\x1bP1$r\x1b\\c",
      "\x1b[1md\x1b[0m",
      "e\x1b]8;;http://x",
      "\x9dx\x9cf",
    ];
    expect(
      render(
        lines.map((line) => user(line)),
        { live: true },
      ),
    ).toBe("a\nb\nc\n\x1b[1md\x1b[0m\ne\nf\n");
  });
});
