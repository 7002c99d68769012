/** `--retries N --retry-on 1,137 --retry-backoff 10s,2,10m`. Pure. */
import type { RetryRequest } from "@spell/sdk";
import { argumentError } from "./exit-codes.ts";

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** The policy the options ask for, if any; its bounds are the coordinator's. Throws exit code 3. */
export function parseRetry(options: {
  retries?: number;
  retryOn?: string;
  retryBackoff?: string;
}): RetryRequest | undefined {
  const { retries, retryOn, retryBackoff } = options;
  if (retries === undefined) {
    const alone = retryOn === undefined ? retryBackoff && "--retry-backoff" : "--retry-on";
    if (alone) throw argumentError(`${alone} needs --retries: say how often the run is tried again.`);
    return undefined;
  }
  const exitCodes = retryOn?.split(",").map(parseCode);
  return { limit: retries, exitCodes, ...(retryBackoff === undefined ? {} : parseBackoff(retryBackoff)) };
}

/** As it is given to `--retry-backoff`. */
export function backoffText({ firstPauseMs, factor, maxPauseMs }: Required<Backoff>): string {
  return `${pauseText(firstPauseMs)},${factor},${pauseText(maxPauseMs)}`;
}

type Backoff = Pick<RetryRequest, "firstPauseMs" | "factor" | "maxPauseMs">;

function parseCode(text: string): number {
  if (/^ *[0-9]{1,3} *$/.test(text)) return Number(text);
  throw argumentError(`--retry-on "${text}" is no exit code: write codes from 1 to 255 with commas between them.`);
}

function parseBackoff(text: string): Backoff {
  const [first = "", factor, max, ...more] = text.split(",").map((part) => part.trim());
  const backoff = {
    firstPauseMs: parsePause(first),
    factor: factor === undefined ? undefined : parseFactor(factor),
    maxPauseMs: max === undefined ? undefined : parsePause(max),
  };
  if (more.length > 0 || Object.values(backoff).some(Number.isNaN)) {
    throw argumentError(
      `--retry-backoff "${text}" cannot be understood: write the first pause, and if you like how many times as long each further one is, and the longest one: 10s,2,10m.`,
    );
  }
  return backoff;
}

function parsePause(text: string): number {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text) ?? [];
  return Math.round(Number(number) * (UNITS_MS[unit ?? ""] ?? Number.NaN));
}

function parseFactor(text: string): number {
  return /^\d{1,3}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
}

/** In the largest unit that leaves a whole number. */
function pauseText(ms: number): string {
  const units = Object.entries(UNITS_MS).reverse();
  const [unit, unitMs] = units.find(([, each]) => ms >= each && ms % each === 0) ?? ["s", 1_000];
  return `${ms / unitMs}${unit}`;
}
