/** The data folder of `spell up`: one `up` at a time, and the parts that an earlier one left behind when it was killed. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SpellError, conflict, messageOf } from "@spell/domain";
import { makeFolder, startTimeOf } from "@spell/machine";
import { randomBytes } from "node:crypto";

/** A process told apart from a later one with the same number by when it started. */
interface ProcessMark {
  name: string;
  pid: number;
  startTime: string;
}

const END_WAIT_MS = 10_000;

export class DataFolder {
  readonly path: string;
  readonly logs: string;
  readonly #state: string;
  #marks: ProcessMark[] = [];

  /** Throws `unavailable` (reason `data-folder`) when it cannot be written, conflict when another `up` works in it. */
  constructor(path: string) {
    this.path = path;
    this.logs = join(path, "logs");
    this.#state = join(path, "up.json");
    try {
      makeFolder(this.logs, { mode: 0o700 });
      writeFileSync(join(path, ".writable"), "");
    } catch (error) {
      const message = `Cannot use the data folder: ${messageOf(error)}. Give a folder that can be written with --data.`;
      throw new SpellError("unavailable", message, { reason: "data-folder", cause: error });
    }
  }

  /** Takes the folder: refuses while another `up` lives, ends what a killed one left. */
  async take(): Promise<void> {
    const marks = this.#readMarks();
    const other = marks.find((mark) => mark.name === "up" && isAlive(mark) && mark.pid !== process.pid);
    if (other !== undefined) {
      throw conflict(`Spell is up already in ${this.path} (process ${other.pid}).`, "already-up");
    }
    for (const mark of marks.filter(isAlive)) await end(mark);
    this.#marks = [];
    this.mark("up", process.pid);
  }

  /** Remembers a process as ours. */
  mark(name: string, pid: number): void {
    const startTime = startTimeOf(pid) ?? "";
    this.#marks = [...this.#marks.filter((mark) => mark.name !== name), { name, pid, startTime }];
    this.#write();
  }

  /** Nothing of ours runs any more. */
  release(): void {
    this.#marks = [];
    this.#write();
  }

  /** A random secret kept under this name. */
  secret(name: string): string {
    const path = join(this.path, name);
    const known = readOrEmpty(path).trim();
    if (known !== "") return known;
    const secret = randomBytes(24).toString("hex");
    writeFileSync(path, secret, { mode: 0o600 });
    return secret;
  }

  #write(): void {
    writeFileSync(`${this.#state}.new`, JSON.stringify(this.#marks), { mode: 0o600 });
    renameSync(`${this.#state}.new`, this.#state);
  }

  #readMarks(): ProcessMark[] {
    try {
      return JSON.parse(readOrEmpty(this.#state) || "[]") as ProcessMark[];
    } catch {
      return [];
    }
  }
}

function isAlive(mark: ProcessMark): boolean {
  return mark.startTime !== "" && startTimeOf(mark.pid) === mark.startTime;
}

/** SIGTERM leaves runs running: the new agent adopts them. */
async function end(mark: ProcessMark): Promise<void> {
  process.kill(mark.pid, "SIGTERM");
  const deadline = Date.now() + END_WAIT_MS;
  while (isAlive(mark)) {
    if (Date.now() > deadline) process.kill(mark.pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
