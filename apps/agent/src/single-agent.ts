/** One agent for one data folder: two would run every attempt twice. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conflict } from "@spell/domain";
import { startTimeOf } from "@spell/machine";

/** Throws conflict while another agent that lives has the folder. A pid that was given to somebody else is told by its start time. */
export function lockDataFolder(dataDir: string): void {
  const path = join(dataDir, "agent.pid");
  const [pid = "", startTime = ""] = readOrEmpty(path).split(" ");
  if (pid !== "" && pid !== String(process.pid) && startTimeOf(Number(pid)) === startTime) {
    throw conflict(
      `Agent ${pid} already works in ${dataDir}: stop it first, or give another folder with --data.`,
      "agent-running",
    );
  }
  writeFileSync(path, `${process.pid} ${startTimeOf(process.pid)}`, { mode: 0o600 });
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
