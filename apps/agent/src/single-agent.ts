/** One agent for one data folder: two would run every attempt twice. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conflict } from "@spell/domain";

/** Throws conflict while another agent that lives has the folder. A pid that was given to somebody else is told by its start time. */
export function lockDataFolder(dataDir: string): void {
  const path = join(dataDir, "agent.pid");
  const [pid = "", startTime = ""] = readOrEmpty(path).split(" ");
  if (pid !== "" && pid !== String(process.pid) && startTimeOf(pid) === startTime) {
    throw conflict(
      `Agent ${pid} already works in ${dataDir}: stop it first, or give another folder with --data.`,
      "agent-running",
    );
  }
  writeFileSync(path, `${process.pid} ${startTimeOf(String(process.pid))}`, { mode: 0o600 });
}

/**
 * Field 22 of /proc/<pid>/stat; empty when there is no such process, or one that has ended and was only not collected yet (in
 * containers nobody may ever do that). The name in field 2 may hold anything but a last `)`.
 */
function startTimeOf(pid: string): string {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? "" : (fields[19] ?? "");
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
