/**
 * Bundles for release and for a command that starts fast. `node tools/build/build.mjs [--minify]`; nothing else needs it:
 * sources run as they are.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));
const minify = process.argv.includes("--minify");

/** Packages written as CommonJS call `require`, which ES modules do not have. */
const banner = {
  js: 'import { createRequire as spellCreateRequire } from "node:module"; const require = spellCreateRequire(import.meta.url);',
};

const shared = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node22",
  format: "esm",
  banner,
  minify,
  legalComments: "linked",
  metafile: true,
  logLevel: "warning",
};

/** Commands stay in files of their own, so that each start reads only what it needs. */
async function buildCli() {
  const dist = "apps/cli/dist";
  await rm(join(root, dist), { recursive: true, force: true });
  const { metafile } = await build({
    ...shared,
    entryPoints: { spell: "apps/cli/src/main.ts" },
    outdir: dist,
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
  });
  // The launcher compares these with the bundle, so that an edited source is never shadowed by an old bundle.
  const sources = Object.keys(metafile.inputs).filter((path) => !path.includes("node_modules"));
  const inputs = sources.map((path) => relative(join(root, dist), join(root, path)));
  await writeFile(join(root, dist, "inputs.json"), `${JSON.stringify(inputs.sort(), null, 1)}\n`);
  return metafile;
}

/** A package of one file, laid into runs as /node_modules/@spell/sdk. */
async function buildSdk() {
  const dist = "libs/sdk/dist";
  const { metafile } = await build({
    ...shared,
    entryPoints: ["libs/sdk/src/index.ts"],
    outfile: `${dist}/index.js`,
    legalComments: "inline",
  });
  const { name, version, license } = JSON.parse(await readFile(join(root, "libs/sdk/package.json"), "utf8"));
  const description = { name, version, license, type: "module", exports: "./index.js" };
  await writeFile(join(root, dist, "package.json"), `${JSON.stringify(description, undefined, 2)}\n`);
  return metafile;
}

for (const metafile of [await buildCli(), await buildSdk()]) {
  for (const [path, { bytes }] of Object.entries(metafile.outputs)) {
    if (bytes > 100_000 || path.endsWith("spell.js")) console.log(`${path}  ${(bytes / 1000).toFixed(0)} kB`);
  }
}
