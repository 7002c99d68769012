/** A copy as a tar stream, in a fixed amount of memory: small files are fetched some ahead of their turn, large ones in pieces. */
import { Readable } from "node:stream";
import { pack } from "tar-stream";
import type { Header, Pack } from "tar-stream";
import type { TreeCatalog } from "./tree-catalog.ts";
import type { CopiedEntry } from "./walk-copy.ts";

type TarHeader = Partial<Header> & Pick<Header, "name">;

/** Up to this size a file is read whole before its turn comes. */
const AHEAD_FILE_BYTES = 256 * 1024;
/** So many entries are looked at before their turn. */
const AHEAD = 32;

/** Destroying the stream ends the reading. It breaks off, without the end of an archive, when bytes turn out to be wrong. */
export function packCopy(trees: TreeCatalog, entries: AsyncIterable<CopiedEntry>): Readable {
  return Readable.from(chunks(trees, entries), { objectMode: false });
}

async function* chunks(trees: TreeCatalog, entries: AsyncIterable<CopiedEntry>): AsyncGenerator<Buffer> {
  const archive = pack();
  const pace = new Pace();
  const writing = write({ trees, archive, pace }, entries).catch((error: unknown) => {
    archive.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  try {
    for await (const chunk of archive) {
      yield chunk as Buffer;
      pace.taken();
    }
  } finally {
    archive.destroy();
    pace.end();
    await writing;
  }
}

/** Holds the writer back: entries without bytes do not wait for the reader by themselves. */
class Pace {
  #ahead = 0;
  #wake: () => void = () => undefined;
  #ended = false;

  async written(): Promise<void> {
    this.#ahead += 1;
    while (this.#ahead > AHEAD && !this.#ended) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  taken(): void {
    this.#ahead = 0;
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }
}

interface Writing {
  trees: TreeCatalog;
  archive: Pack;
  pace: Pace;
}

interface Prepared {
  entry: CopiedEntry;
  /** All of a small file. */
  bytes?: Promise<Uint8Array>;
}

async function write({ trees, archive, pace }: Writing, entries: AsyncIterable<CopiedEntry>): Promise<void> {
  for await (const { entry, bytes } of prepared(trees, entries)) {
    if (archive.destroyed) return;
    await writeEntry(archive, headerOf(entry), bytes === undefined ? contentOf(trees, entry) : [await bytes]);
    await pace.written();
  }
  archive.finalize();
}

async function* prepared(trees: TreeCatalog, entries: AsyncIterable<CopiedEntry>): AsyncGenerator<Prepared> {
  const queue: Prepared[] = [];
  for await (const entry of entries) {
    const isSmall = entry.kind === "file" && entry.file.sizeBytes <= AHEAD_FILE_BYTES;
    const bytes = isSmall ? readWhole(trees, entry) : undefined;
    // Whoever awaits it hears of a failure; nobody may before its turn.
    bytes?.catch(() => undefined);
    queue.push({ entry, bytes });
    const first = queue.length > AHEAD ? queue.shift() : undefined;
    if (first !== undefined) yield first;
  }
  yield* queue;
}

async function readWhole(trees: TreeCatalog, entry: CopiedEntry): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of contentOf(trees, entry)) parts.push(part);
  return Buffer.concat(parts);
}

async function* contentOf(trees: TreeCatalog, entry: CopiedEntry): AsyncGenerator<Uint8Array, void, undefined> {
  if (entry.kind === "file" && entry.file.sizeBytes > 0) yield* trees.readFile(entry.file.digest);
}

async function writeEntry(
  archive: Pack,
  header: TarHeader,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  // Also told when the archive is given up.
  await new Promise<void>((resolve, reject) => {
    const sink = archive.entry(header, (error) => (error ? reject(error) : resolve()));
    sink.on("error", () => undefined);
    const fill = async (): Promise<void> => {
      for await (const bytes of content) {
        if (sink.destroyed) return;
        if (!sink.write(bytes)) await eitherOf(sink, "drain", "close");
      }
      sink.end(null);
    };
    if (header.type === "file") fill().catch(reject);
  });
}

function eitherOf(sink: ReturnType<Pack["entry"]>, ...events: string[]): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of events) sink.off(event, done);
      resolve();
    };
    for (const event of events) sink.on(event, done);
  });
}

function headerOf(entry: CopiedEntry): TarHeader {
  const common = { name: entry.path, mtime: new Date(entry.madeAtMs) };
  if (entry.kind === "directory") return { ...common, type: "directory", mode: 0o755, size: 0 };
  if (entry.kind === "symlink") return { ...common, type: "symlink", mode: 0o777, linkname: entry.target, size: 0 };
  const mode = entry.file.executable ? 0o755 : 0o644;
  return { ...common, type: "file", mode, size: entry.file.sizeBytes };
}
