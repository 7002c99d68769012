/** The file of a snapshot's index: columns instead of a record for each file, so that it is read and written at once. */
import { isDigest } from "@spell/domain";
import type { Digest } from "@spell/domain";

const FORMAT = 2;
const DIGEST_LENGTH = 64;
/** dev, ino, size, mtime and ctime of a file. Times in milliseconds, with fractions down to a quarter of a microsecond. */
export const NUMBERS = 5;

/** The files of one folder; what belongs to the nth name stands at the nth place of the others. */
export interface FolderColumns {
  names: string[];
  /** NUMBERS for each. */
  numbers: number[];
  /** One after the other. */
  digests: string;
}

/** Folders by path. Damage makes an index empty. */
export function parseIndex(text: string): Map<string, FolderColumns> {
  try {
    const { format, folders } = JSON.parse(text) as { format: unknown; folders: unknown };
    if (format !== FORMAT || !Array.isArray(folders)) return new Map();
    return new Map(folders.flatMap(parseFolder));
  } catch {
    return new Map();
  }
}

export function formatIndex(folders: ReadonlyMap<string, FolderColumns>): string {
  const rows = [...folders].map(([path, { names, numbers, digests }]) => [path, names, numbers, digests]);
  return JSON.stringify({ format: FORMAT, folders: rows });
}

/** Of the nth file; undefined for what is none. */
export function digestAt({ digests }: FolderColumns, place: number): Digest | undefined {
  const digest = digests.slice(place * DIGEST_LENGTH, (place + 1) * DIGEST_LENGTH);
  return isDigest(digest) ? digest : undefined;
}

function parseFolder(row: unknown): [string, FolderColumns][] {
  const [path, names, numbers, digests] = Array.isArray(row) ? (row as unknown[]) : [];
  if (typeof path !== "string" || typeof digests !== "string" || !Array.isArray(names) || !Array.isArray(numbers)) {
    return [];
  }
  // Whatever stands in them, a name or number of another type is equal to none.
  const isWhole = numbers.length === names.length * NUMBERS && digests.length === names.length * DIGEST_LENGTH;
  return isWhole ? [[path, { names: names as string[], numbers: numbers as number[], digests }]] : [];
}
