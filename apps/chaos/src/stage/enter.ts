/**
 * Goes on in network, process and mount namespaces of their own, as root or as an ordinary user: whatever a trial makes there, processes,
 * disks and cables, the kernel takes away with the last process, however that ends.
 */
import { spawn, spawnSync } from "node:child_process";
import { SpellError } from "@spell/domain";

/** First word of the command line inside. */
export const INSIDE = "--inside";

const END_WITHIN_MS = 20_000;
export const EXIT_INTERRUPTED = 130;
const NAMESPACES = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
const NEED =
  "A trial needs network namespaces of its own. Run it as root, or let users make them " +
  "(sysctl kernel.unprivileged_userns_clone=1; where AppArmor restricts them, kernel.apparmor_restrict_unprivileged_userns=0)";

/** Runs this program again inside, with its output here. Gives its exit code. The signal is handed on by closing its input. */
export async function goInside(main: string, words: readonly string[], signal: AbortSignal): Promise<number> {
  const options = [...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"]), ...NAMESPACES];
  const tried = spawnSync("unshare", [...options, "true"], { encoding: "utf8" });
  if (tried.status !== 0) {
    const why = tried.error?.message ?? tried.stderr.trim();
    throw new SpellError("unavailable", `${NEED}. What was tried said: ${why}`, { reason: "namespaces" });
  }
  // The shell is the first process there: it collects those whose parents have ended.
  const command = ["sh", "-c", '"$@"; exit $?', "sh", process.execPath, ...process.execArgv, main, INSIDE, ...words];
  // A process group of its own: ^C in the terminal reaches this process alone.
  const child = spawn("unshare", [...options, ...command], { stdio: ["pipe", "inherit", "inherit"], detached: true });
  child.stdin.on("error", () => undefined);
  const end = (): void => {
    child.stdin.end();
    // It has what it needs to end in order; the kernel ends what does not.
    setTimeout(() => child.kill("SIGKILL"), END_WITHIN_MS).unref();
  };
  signal.addEventListener("abort", end, { once: true });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

/** Inside: aborts when the process outside is gone, or wants an end. */
export function endOfInput(): AbortSignal {
  const controller = new AbortController();
  const end = (): void => {
    controller.abort();
    // What does not end in order by then, a farm that is just being made for one, the kernel ends with this process.
    setTimeout(() => process.exit(EXIT_INTERRUPTED), END_WITHIN_MS).unref();
  };
  process.stdin.on("end", end).on("error", end);
  process.stdin.resume();
  return controller.signal;
}
