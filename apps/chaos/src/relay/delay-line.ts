/** One direction of a slow connection: everything arrives later, in order, with the pauses that lost packets make. */
import type { Socket } from "node:net";
import { lossDelayMs } from "./rule.ts";

/** What may be under way; more would be memory, not network. */
const LIMIT_BYTES = 4 * 1024 * 1024;

export function delayLine(
  from: Socket,
  to: Socket,
  { rule, chance }: { rule: { delayMs: number; lossShare: number }; chance: () => number },
): void {
  /** `undefined`: the end. */
  const line: { chunk: Buffer | undefined; atMs: number }[] = [];
  let lastAtMs = 0;
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  const deliver = (): void => {
    timer = undefined;
    for (let first = line[0]; first !== undefined && first.atMs <= performance.now(); first = line[0]) {
      line.shift();
      if (first.chunk === undefined) to.end();
      else to.write(first.chunk);
      bytes -= first.chunk?.length ?? 0;
    }
    if (bytes < LIMIT_BYTES) from.resume();
    schedule();
  };
  const schedule = (): void => {
    const first = line[0];
    if (first !== undefined) timer ??= setTimeout(deliver, Math.max(0, first.atMs - performance.now()));
  };
  const enter = (chunk: Buffer | undefined): void => {
    const size = chunk?.length ?? 0;
    lastAtMs = Math.max(lastAtMs, performance.now() + rule.delayMs) + lossDelayMs(size, rule, chance);
    line.push({ chunk, atMs: lastAtMs });
    bytes += size;
    if (bytes >= LIMIT_BYTES) from.pause();
    schedule();
  };
  from.on("data", enter).on("end", () => enter(undefined));
  to.on("close", () => clearTimeout(timer));
}
