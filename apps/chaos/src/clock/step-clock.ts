/**
 * Loaded into an agent before anything of it (`node --import`): its wall clock is ahead or behind by what a file says. Linux has no
 * namespace for that clock. Timers and `performance.now()` are left alone, as with a real step; so are the times that the kernel gives to files.
 */
import { readFileSync } from "node:fs";

/** Variable that names the file, which holds milliseconds. */
// eslint-disable-next-line no-restricted-syntax -- nothing may be loaded before it, a config.ts neither
const FILE = process.env["SPELL_CHAOS_CLOCK"];
const LOOK_EVERY_MS = 100;

let offsetMs = 0;

function look(): void {
  try {
    offsetMs = FILE === undefined ? 0 : Number(readFileSync(FILE, "utf8"));
  } catch {
    // None was written yet.
  }
}

look();
setInterval(look, LOOK_EVERY_MS).unref();

const RealDate = Date;

class SteppedDate extends RealDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(SteppedDate.now());
    else super(...(given as [number]));
  }

  static override now(): number {
    return RealDate.now() + offsetMs;
  }
}

globalThis.Date = SteppedDate as DateConstructor;
