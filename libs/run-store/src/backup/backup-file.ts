/**
 * The file that a record is backed up to: gzipped lines of JSON. First a header, then each table with its columns followed by
 * its rows, each an array of values; last a line that says how many rows there were and the sha256 of all lines before it. So
 * a file that was cut off or damaged is told before anything is made of it. The same for all databases: what one wrote, the
 * other can read.
 */
import { createHash } from "node:crypto";
import { Readable, pipeline } from "node:stream";
import { createGunzip, createGzip } from "node:zlib";
import { SpellError, invalidInput, messageOf } from "@spell/domain";

/** A text, a number, or nothing: all that the tables hold. */
export type BackupValue = string | number | null;

/** What a backup says of itself. */
export interface BackupHeader {
  /** Number of the newest migration that the tables have. */
  schema: number;
  createdAtMs: number;
}

/** A table, followed by its rows. */
export type BackupPart =
  { kind: "table"; name: string; columns: readonly string[] } | { kind: "row"; values: readonly BackupValue[] };

/** Of the format. A reader refuses a higher one. */
const VERSION = 1;
/** A row is a run with its spec at most; what is longer is no backup of ours. */
const MAX_LINE_CHARACTERS = 64 * 2 ** 20;
/** Lines are gathered to this length before they are compressed. */
const CHUNK_CHARACTERS = 64 * 1024;

/** The bytes of the file. */
export function writeBackup(header: BackupHeader, parts: AsyncIterable<BackupPart>): AsyncIterable<Buffer> {
  const gzip = createGzip({ level: 1 });
  // What goes wrong before it reaches whoever reads from it.
  return pipeline(Readable.from(linesOf(header, parts)), gzip, () => undefined) as AsyncIterable<Buffer>;
}

async function* linesOf(header: BackupHeader, parts: AsyncIterable<BackupPart>): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  let pending = `${JSON.stringify({ spellBackup: VERSION, ...header })}\n`;
  let rows = 0;
  for await (const part of parts) {
    if (part.kind === "row") rows += 1;
    pending += `${JSON.stringify(part.kind === "row" ? part.values : { table: part.name, columns: part.columns })}\n`;
    if (pending.length < CHUNK_CHARACTERS) continue;
    hash.update(pending);
    yield Buffer.from(pending);
    pending = "";
  }
  hash.update(pending);
  yield Buffer.from(`${pending}${JSON.stringify({ end: true, rows, sha256: hash.digest("hex") })}\n`);
}

/** A backup that is being read: the parts may be read once, and only after their end is it known to be whole. */
export interface OpenBackup {
  header: BackupHeader;
  /** Throws data-loss (`damaged-backup`) where the file is cut off or damaged. */
  parts: AsyncIterable<BackupPart>;
}

/** Throws invalid-input (`bad-backup`) for what is none, or one of a later format. */
export async function readBackup(bytes: AsyncIterable<Uint8Array>): Promise<OpenBackup> {
  const lines = readLines(bytes);
  const first = await lines.next();
  const header = first.done === true ? {} : parseObject(first.value);
  const { spellBackup, schema, createdAtMs } = header;
  if (!Number.isSafeInteger(spellBackup) || !Number.isSafeInteger(schema) || !Number.isSafeInteger(createdAtMs)) {
    throw invalidInput("This is no backup of a record: give a file that `spell admin backup` wrote.", "bad-backup");
  }
  if (Number(spellBackup) > VERSION) {
    const message = `This backup has format ${String(spellBackup)}, this Spell knows ${VERSION}: restore it with a newer Spell.`;
    throw invalidInput(message, "bad-backup");
  }
  const hash = createHash("sha256").update(`${first.value ?? ""}\n`);
  return { header: { schema: Number(schema), createdAtMs: Number(createdAtMs) }, parts: readParts(lines, hash) };
}

async function* readParts(
  lines: AsyncIterable<string>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<BackupPart, void, undefined> {
  let [rows, width] = [0, -1];
  let ended = false;
  for await (const line of lines) {
    if (ended) throw damaged("there is more after its end");
    const value = parseJson(line);
    if (Array.isArray(value)) {
      if (value.length !== width || !value.every(isValue)) throw damaged(`a row of it is none: ${line.slice(0, 80)}`);
      rows += 1;
      yield { kind: "row", values: value };
    } else {
      const { table, columns, end, rows: written, sha256 } = Object(value) as Record<string, unknown>;
      ended = end === true;
      if (ended && (written !== rows || sha256 !== hash.digest("hex")))
        throw damaged("its bytes are not those that were written");
      if (ended) continue;
      if (typeof table !== "string" || !isNames(columns))
        throw damaged(`a line of it means nothing: ${line.slice(0, 80)}`);
      width = columns.length;
      yield { kind: "table", name: table, columns };
    }
    hash.update(`${line}\n`);
  }
  if (!ended) throw damaged("its end is missing");
}

async function* readLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let pending = "";
  try {
    const text = pipeline(Readable.from(bytes), createGunzip(), () => undefined);
    text.setEncoding("utf8");
    for await (const chunk of text as AsyncIterable<string>) {
      const lines = (pending + chunk).split("\n");
      pending = lines.pop() ?? "";
      if (pending.length > MAX_LINE_CHARACTERS) throw damaged("a line of it has no end");
      yield* lines;
    }
  } catch (error) {
    if (error instanceof SpellError) throw error;
    throw damaged(messageOf(error));
  }
  if (pending !== "") yield pending;
}

function damaged(why: string): SpellError {
  const message = `The backup is damaged (${why}): nothing was restored. Use another copy of it.`;
  return new SpellError("data-loss", message, { reason: "damaged-backup" });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw damaged(`a line of it cannot be read: ${line.slice(0, 80)}`);
  }
}

function parseObject(line: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(line)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function isValue(value: unknown): value is BackupValue {
  return value === null || typeof value === "string" || (typeof value === "number" && Number.isFinite(value));
}

/** Names go into SQL as they are: only what a table of ours could have. */
function isNames(columns: unknown): columns is string[] {
  return Array.isArray(columns) && columns.every((name) => typeof name === "string" && /^[a-z_]+$/.test(name));
}
