/**
 * What this machine can take at the moment: nothing while its disk is nearly full, and no run in the slots of those whose processes could
 * not be ended. Known to this process alone: one that is started again finds it out anew, the processes left behind excepted.
 */
import { statfs } from "node:fs/promises";
import type { MachineTypeSlots } from "@spell/domain";
import { machineTypeKey, sizeText } from "@spell/domain";
import { startTimeOf } from "@spell/machine";

const LOOK_EVERY_MS = 5_000;
/** It takes runs again once so much more is free than it wants to keep: otherwise it would say one thing and the other in turn. */
const COME_BACK = 1.1;
/** What is kept free by default: so much, or this part of a small disk. */
const [DEFAULT_RESERVE_BYTES, DEFAULT_PART] = [2 ** 30, 0.02];

export interface RoomOptions {
  /** On the disk that runs write to. */
  folder: string;
  /** What is to stay free on it; undefined: a gibibyte, or a fiftieth of a smaller disk. */
  reserveBytes?: number;
  /** It can take more or less than before. */
  changed(): void;
}

interface Left {
  machineType: string;
  slots: number;
  processes: readonly { pid: number; startTime: string }[];
}

export class Room {
  readonly #options: RoomOptions;
  #takesNothing = "";
  #left: readonly Left[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /** Why it takes no run, as a sentence; empty: it does. */
  get takesNothing(): string {
    return this.#takesNothing;
  }

  /** Looks now, and then again and again until it is stopped. */
  async watch(): Promise<void> {
    await this.#look();
    this.#timer = setTimeout(() => void this.watch(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Processes of a run that nothing could end: its slots stay taken until they are gone. */
  leave({ machineType, slots, pids }: { machineType: string; slots: number; pids: readonly number[] }): void {
    const processes = pids.flatMap((pid) => {
      const startTime = startTimeOf(pid);
      return startTime === undefined ? [] : [{ pid, startTime }];
    });
    if (processes.length === 0) return;
    this.#left = [...this.#left, { machineType, slots, processes }];
    this.#options.changed();
  }

  /** The slots that are there, less those that are not free though no run has them. */
  lessen(types: readonly MachineTypeSlots[]): MachineTypeSlots[] {
    return types.map(({ name, slots }) => {
      const key = machineTypeKey(name);
      const lost = this.#left.filter(({ machineType }) => keyOf(machineType, key) === key);
      return { name, slots: Math.max(0, slots - lost.reduce((sum, each) => sum + each.slots, 0)) };
    });
  }

  async #look(): Promise<void> {
    const before = [this.#takesNothing, this.#left.length].join();
    const isThere = ({ pid, startTime }: { pid: number; startTime: string }): boolean => startTimeOf(pid) === startTime;
    this.#left = this.#left.filter(({ processes }) => processes.some(isThere));
    const disk = await statfs(this.#options.folder).catch(() => undefined);
    if (disk !== undefined) {
      const space = { freeBytes: disk.bavail * disk.bsize, totalBytes: disk.blocks * disk.bsize };
      this.#takesNothing = tooFull({ ...space, ...this.#options, wasFull: this.#takesNothing !== "" });
    }
    if ([this.#takesNothing, this.#left.length].join() !== before) this.#options.changed();
  }
}

/** Why a machine with such a disk takes no run; empty: it does. Pure. */
export function tooFull(disk: {
  freeBytes: number;
  totalBytes: number;
  reserveBytes?: number;
  wasFull: boolean;
}): string {
  const { freeBytes, totalBytes, wasFull } = disk;
  const reserveBytes = disk.reserveBytes ?? Math.min(DEFAULT_RESERVE_BYTES, totalBytes * DEFAULT_PART);
  if (freeBytes >= reserveBytes * (wasFull ? COME_BACK : 1)) return "";
  // In round numbers: each other sentence is news.
  return `its disk is nearly full (disk-full): it keeps ${sizeText(reserveBytes)} free.`;
}

/** `V100x4` is four slots of V100, unless a type has just that name. */
function keyOf(machineType: string, offered: string): string {
  const key = machineTypeKey(machineType);
  return key === offered ? key : key.replace(/x\d+$/, "");
}
