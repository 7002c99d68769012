/** Machine types: names with slots. Matching ignores case; the first spelling advertised is canonical. */
import { invalidInput } from "./errors.ts";

export interface MachineTypeSlots {
  name: string;
  /** How many runs of this type fit at once. */
  slots: number;
}

/** The type that every cluster has and that runs get by default. */
export const DEFAULT_MACHINE_TYPE = "CPU";

/** Form in which names are compared. */
export function machineTypeKey(name: string): string {
  return name.trim().toLowerCase();
}

/** Parses `NAME` or `NAME=SLOTS`. Throws invalid-input. */
export function parseMachineType(text: string): MachineTypeSlots {
  const match = /^([A-Za-z0-9][A-Za-z0-9._-]{0,62})(?:=([0-9]{1,4}))?$/.exec(text);
  const slots = match?.[2] === undefined ? 1 : Number(match[2]);
  if (!match?.[1] || slots < 1) {
    throw invalidInput(
      `"${text}" is not a machine type: write NAME or NAME=SLOTS, for example V100 or V100=4.`,
      "bad-machine-type",
    );
  }
  return { name: match[1], slots };
}
