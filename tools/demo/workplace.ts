/** The demo's temporary folder: what lies in it, and the environment of a user who works there. */
import { cpSync } from "node:fs";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";

export interface Workplace {
  path: string;
  /** Where the farm keeps everything. */
  data: string;
  /** Where the user types: the example and the workflow beside it. */
  project: string;
  /** Folder of the user's login. */
  login: string;
}

/** What would make `spell` talk to the farm that the user works with otherwise. */
const LOGIN_VARIABLES = [
  "SPELL_TOKEN",
  "SPELL_OWNER",
  "SPELL_COORDINATOR",
  "SPELL_API_URL",
  "SPELL_BASE_URL",
  "SPELL_WORKFLOW_ID",
];
/** What using or testing the example leaves in its folder. */
const NOT_CODE = new Set(["data", "save", "__pycache__"]);

/** Makes the folder and lays the example of the clone at `root` into it. */
export async function prepareWorkplace(root: string): Promise<Workplace> {
  const path = await mkdtemp(join(tmpdir(), "spell-demo-"));
  const project = join(path, "project");
  const example = join(root, "examples", "char-rnn");
  cpSync(example, join(project, "char-rnn-tensorflow"), {
    recursive: true,
    filter: (source) => !NOT_CODE.has(basename(source)) && !basename(source).startsWith("."),
  });
  for (const script of ["workflow.py", "workflow.ts"]) cpSync(join(example, script), join(project, script));
  return { path, project, data: join(path, "data"), login: join(path, "login") };
}

/** The machine's environment with the clone's own programs first and a login of its own. Pure. */
export function userEnvironment(root: string, place: Workplace, machine: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const env = { ...machine, SPELL_DIR: place.login };
  for (const name of LOGIN_VARIABLES) Reflect.deleteProperty(env, name);
  const programs = [join(root, "node_modules", ".bin"), join(root, ".venv", "bin")];
  return { ...env, PATH: [...programs, machine["PATH"] ?? ""].join(delimiter) };
}

/** Removes it, also folders without permissions, as overlays leave them for users who are not root. */
export async function removeWorkplace(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    await openFolders(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function openFolders(path: string): Promise<void> {
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openFolders(join(path, entry.name));
  }
}
