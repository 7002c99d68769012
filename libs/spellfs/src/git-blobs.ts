/** The bytes of git objects, one after the other, from one process. */
import { SpellError } from "@spell/domain";
import { startGit } from "./git-process.ts";

/** An object's bytes. */
export interface GitBlob {
  objectId: string;
  bytes: Buffer;
}

/** Reads blobs in the order asked. Throws data-loss for one that the repository lacks. */
export async function* readGitBlobs(
  gitDir: string,
  objectIds: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<GitBlob, void, undefined> {
  if (objectIds.length === 0) return;
  const git = startGit(gitDir, ["cat-file", "--batch", "--buffer"], signal);
  try {
    git.child.stdin.end(`${objectIds.join("\n")}\n`);
    const output = new ByteReader(git.child.stdout);
    for (const objectId of objectIds) {
      const header = await output.line();
      const [, type, size] = header?.split(" ") ?? [];
      if (header === undefined) await git.ended;
      if (type !== "blob") throw new SpellError("data-loss", `The repository lacks object ${objectId}.`);
      const bytes = await output.take(Number(size));
      if (bytes === undefined) {
        await git.ended;
        throw new SpellError("data-loss", `The repository holds only a part of object ${objectId}.`);
      }
      await output.take(1);
      yield { objectId, bytes };
    }
    await git.ended;
  } finally {
    git.child.kill("SIGKILL");
  }
}

/** Takes lines and counted bytes from a stream. */
class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Without its newline; undefined at the end. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const joined = this.#joined();
      const end = joined.indexOf(10);
      if (end !== -1) return (await this.take(end + 1))?.subarray(0, -1).toString("latin1");
      if (!(await this.#more())) return undefined;
    }
  }

  /** Undefined when the stream ends before. */
  async take(length: number): Promise<Buffer | undefined> {
    while (this.#bytes < length) if (!(await this.#more())) return undefined;
    const joined = this.#joined();
    this.#parts = [joined.subarray(length)];
    this.#bytes -= length;
    return joined.subarray(0, length);
  }

  #joined(): Buffer {
    if (this.#parts.length !== 1) this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0] ?? Buffer.alloc(0);
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done === true) return false;
    this.#parts.push(next.value);
    this.#bytes += next.value.length;
    return true;
  }
}
