/**
 * What is known on disk of one object in the making: a folder with what it is to become (`about.json`), its bytes, each part at its
 * place (`data`), and a line for each part that came or was given up (`parts`). A line counts once it is whole.
 */
import { constants } from "node:fs";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { PartLayout, StoredPart } from "../multipart.ts";
import { partCount, partSize } from "../multipart.ts";
import { flushFolder } from "./durable-folder.ts";

/** What the object is to become. */
export interface MultipartAbout extends PartLayout {
  key: string;
  startedAtMs: number;
}

export const DATA = "data";
const ABOUT = "about.json";
const PARTS = "parts";
/** The last word tells a whole line from one that was cut by a loss of power. */
const LINE = /^(put|drop) ([0-9]{1,5}) ([0-9a-f-]*) ok$/;

/** Makes the folder of a new one; durable once the folder that holds it is flushed. */
export async function writeAbout(folder: string, about: MultipartAbout): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  await writeFlushed(join(folder, ABOUT), JSON.stringify(about));
  await writeFlushed(join(folder, PARTS), "");
  const data = await open(join(folder, DATA), "wx", 0o600);
  try {
    await data.truncate(about.sizeBytes); // takes no space yet
    await data.sync();
  } finally {
    await data.close();
  }
  await flushFolder(folder);
}

/** Throws ENOENT when it has ended. */
export async function readAbout(folder: string): Promise<MultipartAbout> {
  return JSON.parse(await readFile(join(folder, ABOUT), "utf8")) as MultipartAbout;
}

/** The parts that are there, by number. */
export async function readParts(folder: string, layout: PartLayout): Promise<Map<number, StoredPart>> {
  const parts = new Map<number, StoredPart>();
  for (const line of (await readFile(join(folder, PARTS), "utf8")).split("\n")) {
    const [, what, text, etag = ""] = LINE.exec(line) ?? [];
    const number = Number(text);
    if (what === "drop") parts.delete(number);
    if (what !== "put" || number < 1 || number > partCount(layout)) continue;
    parts.set(number, { number, etag, sizeBytes: partSize(layout, number) });
  }
  return parts;
}

/** Writes down that a part is whole, or that its place is being written again (no etag). Throws ENOENT when all has ended. */
export async function notePart(folder: string, { number, etag }: { number: number; etag?: string }): Promise<void> {
  // Other parts are noted at the same time: each line goes behind what is there by then.
  const parts = await open(join(folder, PARTS), constants.O_WRONLY | constants.O_APPEND);
  try {
    const line = etag === undefined ? `drop ${number}  ok` : `put ${number} ${etag} ok`;
    // A line before it may have been cut off.
    await parts.write(`\n${line}\n`);
    await parts.datasync();
  } finally {
    await parts.close();
  }
}

async function writeFlushed(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
