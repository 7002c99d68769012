/** Set-up steps for the compat suite: the historical client in an environment of its own, and the rsync it calls. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aptInstall } from "./apt.mjs";
import { inRoot } from "./places.mjs";
import { makeEnvironment } from "./python.mjs";
import { SetupError, runStep, which } from "./shell.mjs";
import { keyOf } from "./stamps.mjs";

const requirements = inRoot("tools", "setup", "historical-requirements.txt");
const environment = inRoot(".cache", "historical");

export const historicalClient = {
  name: "historical client",
  hint: "about 20 seconds",
  key: () => keyOf([requirements]),
  isThere: () => existsSync(join(environment, "bin", "spell")),
  async run() {
    await makeEnvironment(environment);
    const python = join(environment, "bin", "python");
    const options = ["--no-input", "--disable-pip-version-check", "-r", requirements];
    await runStep(python, ["-m", "pip", "install", ...options], { what: "pip install of the historical client" });
  },
};

const ownRsync = inRoot(".cache", "bin", "rsync");
const unpacked = inRoot(".cache", "rsync");

/** Without it the historical command line refuses to start; the suite then leaves that part out and says so. */
export const rsync = {
  name: "rsync",
  hint: "a few seconds",
  mayFail: true,
  key: () => keyOf([], "rsync"),
  isThere: () => which("rsync") !== undefined || existsSync(ownRsync),
  async run() {
    if (this.isThere()) return;
    if (process.getuid?.() === 0) await aptInstall(["rsync"]);
    else await unpackRsync();
  },
};

/** An ordinary user may not install packages, but may fetch and unpack them: the program and the libraries it loads. */
async function unpackRsync() {
  const apt = which("apt-get");
  if (apt === undefined || which("dpkg-deb") === undefined) await aptInstall(["rsync"]); // Says what to type.
  mkdirSync(inRoot(".cache", "bin"), { recursive: true });
  const folder = mkdtempSync(inRoot(".cache", "rsync-"));
  try {
    const packages = ["rsync", "libpopt0", "libxxhash0", "liblz4-1", "libzstd1"];
    await runStep(apt, ["download", "-q", ...packages], {
      cwd: folder,
      what: `apt-get download ${packages.join(" ")}`,
    });
    for (const name of readdirSync(folder).filter((each) => each.endsWith(".deb"))) {
      await runStep("dpkg-deb", ["-x", join(folder, name), join(folder, "root")], { what: `unpacking ${name}` });
    }
    rmSync(unpacked, { recursive: true, force: true });
    renameSync(join(folder, "root"), unpacked);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const libraries = readdirSync(join(unpacked, "usr", "lib"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.endsWith("-linux-gnu"))
    .map((entry) => join(unpacked, "usr", "lib", entry.name));
  if (libraries.length === 0) throw new SetupError("The packages of rsync hold no libraries for this system.");
  const script = `#!/bin/sh\nLD_LIBRARY_PATH='${libraries.join(":")}' exec '${join(unpacked, "usr/bin/rsync")}' "$@"\n`;
  writeFileSync(ownRsync, script);
  chmodSync(ownRsync, 0o755);
}
