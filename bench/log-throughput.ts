/** One run prints a million lines of a hundred bytes; a client that follows gets every one of them, in order. */
import { execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Figure } from "./figure.ts";
import { atLeast, comparedWith, figureTable } from "./figure.ts";
import type { Bench, Section } from "./measurement.ts";
import { runToItsEnd } from "./runs.ts";
import { median } from "./statistics.ts";

const LINE_BYTES = 100;
const NUMBER_DIGITS = 8;
/** A number, then letters that differ from line to line: what compresses to nothing is no log. */
const GENERATOR = `
import random, string, sys
letters = "".join(random.Random(1).choices(string.ascii_letters, k=4096))
for first in range(0, int(sys.argv[1]), 10000):
    numbers = range(first, min(first + 10000, int(sys.argv[1])))
    sys.stdout.write("".join("%08d %s\\n" % (n, letters[n * 37 % 4000 :][:90]) for n in numbers))
`;
const GENERATE = `python3 -c '${GENERATOR}'`;

/** In turn: the farm, `cat` into a file and `cat` through a pipe, whose lines this process cuts and looks at as well. */
export async function measureLogThroughput(bench: Bench): Promise<Section[]> {
  const count = bench.samples(1_000_000);
  const path = join(bench.folder, "lines.txt");
  await bash(`${GENERATE} ${count} > "$0"`, [path], bench.signal);
  const source = await runToItsEnd(bench, { command: `${GENERATE} ${count} > lines.txt` });
  const seconds = { farm: [] as number[], pipe: [] as number[], file: [] as number[] };
  for (let round = 0; round < bench.samples(3); round += 1) {
    seconds.farm.push(await timeFarm(bench, `runs/${source.id}/lines.txt`, count));
    seconds.pipe.push(await timePipe(path, count, bench.signal));
    seconds.file.push(await timeFile(path, bench.signal));
  }
  const piped = rate("  the same lines through a pipe", seconds.pipe, count);
  const lines = comparedWith(rate("log lines, first → last received", seconds.farm, count), piped, "pipe");
  const figures = [
    { ...lines, goal: atLeast(lines, 800_000) },
    { name: "  seconds for all", unit: "s" as const, p50: median(seconds.farm), samples: seconds.farm.length },
    piped,
    rate("  the same lines into a file", seconds.file, count),
  ];
  return [{ title: "Log throughput (p50 of the rounds)", lines: figureTable(figures), figures }];
}

/** From the first line received to the last. Throws when one is missing, changed or out of order. */
async function timeFarm({ farm, signal }: Bench, resource: string, count: number): Promise<number> {
  const check = new LineCheck();
  const run = await farm.client.runs.create(
    { command: "cat lines.txt", mounts: { [resource]: "lines.txt" } },
    { signal },
  );
  for await (const { text, level, statusEvent } of run.logs({ follow: true, signal })) {
    if (level === "" && !statusEvent) check.line(text);
  }
  return check.seconds(count);
}

async function timePipe(path: string, count: number, signal: AbortSignal): Promise<number> {
  const check = new LineCheck();
  const child = spawn("cat", [path], { stdio: ["ignore", "pipe", "inherit"], signal });
  child.on("error", () => undefined); // An abort is told below.
  let rest = "";
  for await (const text of child.stdout.setEncoding("utf8") as AsyncIterable<string>) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) check.line(line);
  }
  signal.throwIfAborted();
  return check.seconds(count);
}

async function timeFile(path: string, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  await bash('cat "$0" > "$0.copy"', [path], signal);
  return (performance.now() - startedAt) / 1000;
}

async function bash(command: string, words: readonly string[], signal: AbortSignal): Promise<void> {
  await promisify(execFile)("bash", ["-c", command, ...words], { signal });
}

class LineCheck {
  #next = 0;
  #firstAt = 0;
  #lastAt = 0;

  line(text: string): void {
    if (this.#next === 0) this.#firstAt = performance.now();
    if (text.length !== LINE_BYTES - 1 || Number(text.slice(0, NUMBER_DIGITS)) !== this.#next) {
      throw new Error(`"${text}" was received where line ${this.#next} was due`);
    }
    this.#next += 1;
    this.#lastAt = performance.now();
  }

  seconds(count: number): number {
    if (this.#next !== count) throw new Error(`${this.#next} of ${count} lines were received`);
    return (this.#lastAt - this.#firstAt) / 1000;
  }
}

function rate(name: string, seconds: readonly number[], count: number): Figure {
  return { name, unit: "/s", p50: median(seconds.map((each) => count / each)), samples: count * seconds.length };
}
