/** Packages of the operating system, for what comes no other way: only as root and only on Debian's kin. */
import { SetupError, runStep, which } from "./shell.mjs";

let updated = false;

/** Installs what of these packages exists; throws a SetupError with the line to type where we may not. */
export async function aptInstall(packages) {
  const line = `apt-get install -y ${packages[0]}`;
  const apt = which("apt-get");
  if (apt === undefined) throw new SetupError(`No apt-get here: install ${packages[0]} with this system's packages.`);
  if (process.getuid?.() !== 0) throw new SetupError(`Not root: run once: sudo ${line}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  if (!updated) await runStep(apt, ["update", "-q"], { env, what: "apt-get update" });
  updated = true;
  let failure;
  for (const name of packages) {
    try {
      await runStep(apt, ["install", "-y", "-q", "--no-install-recommends", name], { env, what: line });
      failure = undefined;
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
}
