/** What programs print, and what they are told by their environment, however odd: it arrives whole and harms nobody. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { python } from "../support/python.ts";
import { readLog, userLines } from "../support/records.ts";
import { run } from "../support/run.ts";
import { spellOnTerminal } from "../support/terminal.ts";

let farm: Farm;
let code: string;

beforeAll(async () => {
  farm = await Farm.start({ args: ["--cpu-slots", "4"] });
  code = join(farm.folder, "code");
  mkdirSync(code);
});

afterAll(() => farm[Symbol.asyncDispose]());

const LONG = 10_000_000;
const LINES = 200_000;

/** What a user's script sees of a run: the texts of its program's lines, put together. */
const READ_LOG = `
import hashlib, sys
import spell.client
client = spell.client.from_environment()
def program_lines(run_id):
    for entry in client.runs.get(run_id).logs(follow=True):
        if entry.status == client.runs.RUNNING and not entry.status_event:
            yield str(entry)
`;

describe("odd bytes", () => {
  /** As printed, and as text. Sequences that command a terminal: title, clipboard, a question, a reset, one cut in two. */
  const PRINTED = String.raw`
import os
def put(data): os.write(1, data)
put(b"x" * ${LONG} + b"\n")
put(b"bad \xff\xfe utf-8, half an e acute \xc3\n")
put(b"NUL \x00 here\n")
put(b"\n")
put(b"10%\r50%\r100%\r\n")
put(b"\x1b]0;evil\x07title \x1b]52;c;ZXZpbA==\x1b\\clipboard \x1b[6nquestion \x1bcreset\n")
put(b"\x1b[31mred\x1b[0m\x1b[1A\x1b[2K\n")
put(b"cut \x1b\n]0;evil\x07in two\n")
put(b"no newline at the end")
`;
  const REST = [
    "bad \ufffd\ufffd utf-8, half an e acute \ufffd",
    "NUL \0 here",
    "",
    "10%\r50%\r100%\r",
    "\x1b]0;evil\x07title \x1b]52;c;ZXZpbA==\x1b\\clipboard \x1b[6nquestion \x1bcreset",
    "\x1b[31mred\x1b[0m\x1b[1A\x1b[2K",
    "cut \x1b",
    "]0;evil\x07in two",
    "no newline at the end",
  ];
  const long = "x".repeat(LONG);
  let oddRun = 0;
  const isWhole = (output: string): boolean => output === `${[long, ...REST].join("\n")}\n`;

  test("a line of 10 MB, no UTF-8, NUL and escapes arrive whole, and another run's lines beside them", async () => {
    writeFileSync(join(code, "odd.py"), PRINTED);
    const [odd, other] = await Promise.all([run(farm, code, "python odd.py"), run(farm, code, "seq 1 5000")]);
    oddRun = odd.id;
    expect(isWhole(odd.output), odd.output.slice(LONG)).toBe(true);
    expect(other.output).toBe(Array.from({ length: 5_000 }, (_, index) => `${index + 1}\n`).join(""));

    const again = (await farm.spell(["logs", String(odd.id)])).stdout;
    const [, program = ""] = again.split("✨ Run is running\n");
    expect(isWhole(program.split("✨ Run is saving\n")[0] ?? "")).toBe(true);

    const entries = (await readLog(farm.place, odd.id)).filter(
      (line) => line.status === "running" && !line.status_event,
    );
    const parts = entries.slice(0, -REST.length);
    expect(parts.length).toBeGreaterThan(1);
    expect(Math.max(...parts.map((part) => part.log.length))).toBeLessThanOrEqual(256 * 1024);
    expect(parts.map((part) => part.log).join("") === long).toBe(true);
    expect(userLines(entries.slice(-REST.length))).toEqual(REST);

    const { stdout, stderr } = await python(
      farm.place,
      `${READ_LOG}
lines = list(program_lines(${odd.id}))
print("".join(lines[:-${REST.length}]) == "x" * ${LONG})
print(ascii(lines[-${REST.length}:]))`,
    );
    expect(stdout.split("\n"), stderr).toEqual(["True", expect.stringContaining("NUL \\x00 here"), ""]);
  });

  test.each([[[]], [["-v"]]])(
    "a terminal is shown %j what is meant to be seen, and is not commanded",
    async (flags) => {
      const shown = await spellOnTerminal(farm.place, ["logs", ...flags, String(oddRun)]);
      expect(shown.includes(`${long}\r\n`)).toBe(true);
      expect(shown.slice(shown.indexOf("bad "), shown.indexOf("no newline"))).toBe(
        [
          "bad \ufffd\ufffd utf-8, half an e acute \ufffd",
          "NUL \0 here",
          "",
          "10%\r50%\r100%\r",
          "title clipboard question reset",
          "\x1b[31mred\x1b[0m\x1b[1A\x1b[2K",
          "cut ",
          "]0;evil\x07in two",
          "",
        ].join("\r\n"),
      );
    },
  );
});

test("200,000 quick lines are complete and in order: live, read again, and by a script", async () => {
  const expected = Array.from({ length: LINES }, (_, index) => `line ${index + 1}\n`).join("");
  const { id, output } = await run(farm, code, `seq -f 'line %.0f' 1 ${LINES}`);
  expect(output === expected).toBe(true);
  const again = (await farm.spell(["logs", String(id)])).stdout;
  expect(again.includes(`✨ Run is running\n${expected}✨ Run is saving\n`)).toBe(true);
  const tail = (await farm.spell(["logs", String(id), "--tail", "7"])).stdout;
  expect(tail).toMatch(/^line 199999\nline 200000\n✨ Run is saving\n/);
  const { stdout, stderr } = await python(
    farm.place,
    `${READ_LOG}
print(all(line == f"line {number}" for number, line in enumerate(program_lines(${id}), 1)), sum(1 for _ in program_lines(${id})))`,
  );
  expect(stdout, stderr).toBe(`True ${LINES}\n`);
});

describe("environment variables", () => {
  const VARIABLES = {
    EQUALS: "a=b==c",
    LINES: "first\nsecond\n\n",
    TEXT: "grüße 日本 🎉 'quoted' \"twice\" $HOME `x` \\n",
    EMPTY: "",
    BLANK: "  \t ",
  };
  const SHOW = `python -c 'import json, os; print(json.dumps({name: os.environ.get(name) for name in "${Object.keys(VARIABLES).join(" ")}".split()}))'`;

  test("with =, newline, unicode and nothing in them reach the run from the command line", async () => {
    const options = Object.entries(VARIABLES).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    const { output } = await run(farm, code, ...options, SHOW);
    expect(JSON.parse(output)).toEqual(VARIABLES);
    const bare = await run(farm, code, "-e", "NO_VALUE", 'echo "[${NO_VALUE-unset}]"');
    expect(bare.output).toBe("[]\n");
  });

  test("and from a script, numbers as text", async () => {
    const script = `
import json, spell.client
client = spell.client.from_environment()
variables = json.loads(${JSON.stringify(JSON.stringify(VARIABLES))})
run = client.runs.new(command=${JSON.stringify(SHOW)} + "; echo $NUMBER", envvars=dict(variables, NUMBER=2.5))
print("".join(str(entry) + "\\n" for entry in run.logs(follow=True) if entry.status == "running" and not entry.status_event))
client.runs.get(run.id).refresh()
print(run.environment_vars == dict(variables, NUMBER="2.5"))
`;
    const { stdout, stderr } = await python(farm.place, script);
    const [shown = "", number, , known] = stdout.split("\n");
    expect(JSON.parse(shown), stderr).toEqual(VARIABLES);
    expect([number, known]).toEqual(["2.5", "True"]);
  });
});
