/** Files to move: random bytes, the same for the same seed, so that nothing can be compressed or known already. */
import { createCipheriv, createHash } from "node:crypto";
import type { Cipheriv } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const PIECE = Buffer.alloc(1024 * 1024);
const FILES_PER_FOLDER = 100;
/** What changed a moment ago is read again by everybody who compares times: the files of somebody's work are older. */
const AGE_MS = 2_100;

export interface FileSet {
  count: number;
  bytesEach: number;
}

/** Makes the folder with so many files in folders of a hundred. */
export async function makeFiles(folder: string, { count, bytesEach }: FileSet, seed: string): Promise<void> {
  const random = randomBytes(seed);
  for (let index = 0; index < count; index += 1) {
    if (index % FILES_PER_FOLDER === 0) mkdirSync(join(folder, folderOf(index)), { recursive: true });
    writeFileSync(pathOf(folder, index), random.update(PIECE.subarray(0, bytesEach)));
  }
  await delay(AGE_MS);
}

/** Gives the first file other bytes. */
export function changeFile(folder: string, { bytesEach }: FileSet, seed: string): void {
  writeFileSync(pathOf(folder, 0), randomBytes(seed).update(PIECE.subarray(0, bytesEach)));
}

/** Makes the folder with one file of so many MiB. */
export async function makeLargeFile(folder: string, mebibytes: number, seed: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const random = randomBytes(seed);
  const file = openSync(join(folder, LARGE_FILE), "wx");
  try {
    for (let piece = 0; piece < mebibytes; piece += 1) writeSync(file, random.update(PIECE));
  } finally {
    closeSync(file);
  }
  await delay(AGE_MS);
}

/** Its name. */
export const LARGE_FILE = "large.bin";

function randomBytes(seed: string): Cipheriv {
  return createCipheriv("aes-256-ctr", createHash("sha256").update(seed).digest(), Buffer.alloc(16));
}

function folderOf(index: number): string {
  return `folder-${Math.floor(index / FILES_PER_FOLDER)}`;
}

function pathOf(folder: string, index: number): string {
  return join(folder, folderOf(index), `file-${index}.bin`);
}
