/** The environment a run starts with: the machine's, what Spell adds, and over it what the user asked for. */
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Taken from the agent's own environment. Everything else there is the agent's business (credentials among it). */
const INHERITED = [
  "PATH",
  "HOME",
  "USER",
  "LANG",
  "LC_ALL",
  "TZ",
  "LD_LIBRARY_PATH",
  "CUDA_HOME",
  "SSL_CERT_FILE",
  "PIP_CERT",
];

/** Where the SDKs appear inside a run. Node finds packages in /node_modules from any folder. */
const PYTHON_SDK = "/opt/spell/python";
const NODE_SDK = "/node_modules/@spell/sdk";
/** What Python's search path names, below the SDK: a `spell` that gives way to one of the run's own. */
const PYTHON_STAND_IN = "inside-runs";

export interface SdkFolder {
  path: string;
  source: string;
}

/** The SDKs of this installation, as folders to lay into a run. */
export function sdkFolders(): SdkFolder[] {
  const libs = fileURLToPath(new URL("../../../libs/", import.meta.url));
  const folders = [
    { path: PYTHON_SDK, source: `${libs}sdk-python` },
    { path: NODE_SDK, source: `${libs}sdk/dist` },
  ];
  return folders.filter((folder) => existsSync(folder.source));
}

/** `isolated`: the SDKs lie at their paths inside the run; otherwise where they lie on the machine. */
export function runEnvironment(request: {
  machine: NodeJS.ProcessEnv;
  user: Readonly<Record<string, string>>;
  isolated: boolean;
}): Record<string, string> {
  const { machine, user, isolated } = request;
  const environment: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = machine[name];
    if (value !== undefined) environment[name] = value;
  }
  // Last, so that the machine's own node wins where there is one.
  environment["PATH"] = [environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin", dirname(process.execPath)].join(
    delimiter,
  );
  environment["LANG"] ??= "C.UTF-8";
  // Python holds back what it prints into a file; people want to see lines as they are printed.
  environment["PYTHONUNBUFFERED"] = "1";
  const result = { ...environment, ...user };
  const python = isolated ? PYTHON_SDK : sdkFolders().find((folder) => folder.path === PYTHON_SDK)?.source;
  if (python !== undefined) {
    result["PYTHONPATH"] = [user["PYTHONPATH"], join(python, PYTHON_STAND_IN)].filter(Boolean).join(delimiter);
  }
  return result;
}
