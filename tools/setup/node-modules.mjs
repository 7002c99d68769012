/** Set-up step: the npm packages of the lock file, the pinned Node among them. */
import { existsSync, readFileSync } from "node:fs";
import { inRoot, pinnedNode, versions } from "./places.mjs";
import { SetupError, answerOf, runStep } from "./shell.mjs";
import { keyOf } from "./stamps.mjs";

export const nodeModules = {
  name: "npm packages",
  hint: "about a minute",
  key: () => keyOf([inRoot("package-lock.json")], versions.node),
  isThere: () => existsSync(pinnedNode) && existsSync(inRoot("node_modules", ".package-lock.json")),
  async run() {
    // After `npm install <package>` the folder already is what the lock file says: nothing to do but note it.
    if (!this.isThere() || !matchesLock()) await runStep("npm", ["ci", ...quiet], { what: "npm ci" });
    const found = answerOf(pinnedNode, ["--version"]);
    if (found === `v${versions.node}`) return;
    throw new SetupError(
      `node_modules/.bin/node is ${found ?? "missing"}, not v${versions.node}: its install script did not run. ` +
        `Allow install scripts ("npm config get ignore-scripts" should say false) and run: npm run setup -- --force`,
    );
  },
};

const quiet = ["--include=dev", "--include=optional", "--no-audit", "--no-fund", "--loglevel=error"];

/** Whether npm's own record of node_modules agrees with the lock file, package by package. */
function matchesLock() {
  const packagesOf = (file) => JSON.parse(readFileSync(inRoot(file), "utf8")).packages;
  const wanted = packagesOf("package-lock.json");
  const present = packagesOf("node_modules/.package-lock.json");
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith("node_modules/") && !path.includes("/node_modules/")) return true;
    if (entry.link) return existsSync(inRoot(path));
    const own = present[path];
    if (own === undefined) return entry.optional === true || entry.devOptional === true || entry.peer === true;
    return own.version === entry.version && own.integrity === entry.integrity;
  });
}
