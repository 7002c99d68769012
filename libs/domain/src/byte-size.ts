/** Sizes as people write them: `50GiB`, `1.5 TB`, `800M`. */
import { invalidInput } from "./errors.ts";

const UNITS: Readonly<Record<string, number>> = {
  ...{ "": 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 },
  ...{ k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 },
  ...{ kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 },
};

/** Bytes. Throws invalid-input. */
export function parseByteSize(text: string): number {
  const [, number = "", unit = ""] = /^(\d{1,15}(?:\.\d{1,6})?) ?([A-Za-z]{0,3})$/.exec(text.trim()) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  const bytes = Math.round(Number(number) * (factor ?? Number.NaN));
  if (number === "" || !Number.isSafeInteger(bytes)) {
    throw invalidInput(`"${text}" is not a size. Write a number and a unit, such as 50GiB or 800MB.`, "bad-size");
  }
  return bytes;
}

/** A number of bytes for people: `1.5 GiB`. */
export function sizeText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let place = 0;
  for (; value >= 1024 && place < units.length - 1; place += 1) value /= 1024;
  return `${Number(value.toFixed(value < 10 ? 2 : 1))} ${units[place]}`;
}
