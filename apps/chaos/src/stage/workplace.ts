/** The folder of a trial: known by its owner, so that what a killed trial left is found and removed by the next one. */
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTimeOf } from "@spell/machine";

const PREFIX = "spell-chaos-";
const OWNER = "owner";
/** What tells how a trial went. */
const TELLING = ["logs", "evidence.json"];

export class Workplace implements Disposable {
  readonly path: string;

  /** Makes one, and removes those whose owners have died. */
  constructor() {
    for (const name of readdirSync(tmpdir())) {
      if (name.startsWith(PREFIX) && isAbandoned(join(tmpdir(), name))) remove(join(tmpdir(), name));
    }
    this.path = mkdtempSync(join(tmpdir(), PREFIX));
    // The database's user passes through.
    chmodSync(this.path, 0o711);
    writeFileSync(join(this.path, OWNER), `${process.pid} ${startTimeOf(process.pid)}`);
  }

  /** Copies what tells how it went. */
  keep(folder: string): void {
    for (const name of TELLING.filter((each) => existsSync(join(this.path, each))))
      cpSync(join(this.path, name), join(folder, name), { recursive: true });
  }

  [Symbol.dispose](): void {
    remove(this.path);
  }
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
}

/** One without an owner is just being made. */
function isAbandoned(path: string): boolean {
  try {
    const [pid, startTime] = readFileSync(join(path, OWNER), "utf8").split(" ");
    return startTimeOf(Number(pid)) !== startTime;
  } catch {
    return false;
  }
}
