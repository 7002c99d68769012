/** Entry of the `spell` command. */
import { readFileSync } from "node:fs";
import { runCommandLine } from "./command-line.ts";

// Read here: the entry lies one folder below the package, as source and bundled.
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };

process.exitCode = await runCommandLine(process.argv.slice(2), manifest.version);
