/** `--machine-type`, checked before files are sent. Pure. */
import { machineTypeKey } from "@spell/domain";
import { usageError } from "./exit-codes.ts";

/** Throws exit code 2 for a type that the farm does not have. `V100x4` asks for four at once of one machine. */
export function checkMachineType(asked: string, names: readonly string[]): void {
  const keys = new Set(names.map(machineTypeKey));
  const key = machineTypeKey(asked);
  const single = /^(.+)x[1-9][0-9]*$/.exec(key)?.[1];
  if (keys.has(key) || (single !== undefined && keys.has(single))) return;
  throw usageError(`invalid choice: ${asked} (choose from ${names.join(", ")})`);
}
