/**
 * A machine of the farm: network, process and mount namespaces of its own, held by a process that does nothing but collect orphans.
 * When that ends, the kernel ends everything there.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { SpellError } from "@spell/domain";
import type { MachineName } from "../faults/fault.ts";
import { childOf } from "./processes.ts";

/** A disk of its own, for any user there, and a boot id that can be changed. The shell collects orphans while it waits. */
const HOLD = `mount -t tmpfs -o size="$1"m,mode=1777 spell-chaos "$2" && mount --bind "$3" /proc/sys/kernel/random/boot_id &&
echo made && while :; do sleep 1000; done`;

/** The relay's is none of the farm's. */
export type HostName = MachineName | "relay";

export class Machine implements Disposable {
  readonly name: HostName;
  /** Its disk, at this path for its own processes only. */
  readonly data: string;
  /** Its first process, as seen from here. */
  readonly pid: number;
  /** Command prefix that runs a command there. */
  readonly enter: readonly string[];
  readonly #bootFile: string;
  readonly #holder: ChildProcess;

  private constructor(name: HostName, made: { data: string; pid: number; bootFile: string; holder: ChildProcess }) {
    this.#holder = made.holder;
    this.name = name;
    this.data = made.data;
    this.pid = made.pid;
    this.#bootFile = made.bootFile;
    this.enter = ["nsenter", "--target", String(made.pid), "--net", "--mount", "--pid", "--"];
  }

  static async make(name: HostName, options: { folder: string; diskMiB: number }): Promise<Machine> {
    const data = join(options.folder, "machines", name);
    const bootFile = join(options.folder, "boots", name);
    mkdirSync(data, { recursive: true });
    mkdirSync(join(options.folder, "boots"), { recursive: true });
    writeFileSync(bootFile, `${randomUUID()}\n`);
    const namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const holder = spawn("unshare", [...namespaces, "sh", "-c", HOLD, "sh", String(options.diskMiB), data, bootFile], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    await made(name, holder);
    return new Machine(name, { data, pid: await childOf(holder.pid ?? 0), bootFile, holder });
  }

  /** Ends all there. */
  [Symbol.dispose](): void {
    this.#holder.kill("SIGKILL");
  }

  /** Executes a shell script there to its end, whatever its exit code. */
  async execute(script: string): Promise<void> {
    const [program = "", ...rest] = [...this.enter, "sh", "-c", script];
    await once(spawn(program, rest, { stdio: "ignore" }), "exit");
  }

  /** As if its power was cut and came again: all its processes are gone, its disk is not, and its boot is another one. */
  async reboot(): Promise<void> {
    await this.execute("kill -9 -1");
    writeFileSync(this.#bootFile, `${randomUUID()}\n`);
  }

  /** Command lines of the processes there, but for its first one and what that waits with. */
  processes(): string[] {
    const proc = `/proc/${this.pid}/root/proc`;
    return readdirSync(proc)
      .filter((name) => /^\d+$/.test(name) && name !== "1")
      .map((pid) => commandLine(join(proc, pid, "cmdline")))
      .filter((line) => line !== "" && line !== "sleep 1000");
  }
}

async function made(name: string, holder: ChildProcess): Promise<void> {
  let said = "";
  const ready = new Promise<boolean>((resolve) => {
    holder.stdout?.on("data", (text: Buffer) => {
      said += text.toString();
      if (said.includes("made")) resolve(true);
    });
    holder.stderr?.on("data", (text: Buffer) => (said += text.toString()));
    holder.once("error", () => resolve(false));
    holder.once("close", () => resolve(false));
  });
  if (await ready) return;
  throw new SpellError("unavailable", `The machine "${name}" of the trial cannot be made: ${said.trim()}`);
}

/** Empty for one that has ended. */
function commandLine(path: string): string {
  try {
    return readFileSync(path, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}
