/** Takes the body of a push to disk before git sees it: a client that leaves or is slow then holds and breaks nothing. */
import { randomUUID } from "node:crypto";
import { open, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { SpellError, invalidInput } from "@spell/domain";

/** A client that sends nothing for so long has gone. */
const SILENCE_MS = 60_000;

/** Commands come along with the packed objects. */
const COMMAND_BYTES = 1024 * 1024;
/** What is too large is still read, this many times over and thrown away: before its end git hears no answer. */
const DISCARDED = 4;

export interface ReceivedBody extends AsyncDisposable {
  /** Open for reading, at its beginning. */
  file: FileHandle;
  sizeBytes: number;
}

/** Reads the whole body, unpacked if it is gzip. Throws `code-too-large`, or unavailable when the client leaves. */
export async function receiveBody(
  request: IncomingMessage,
  options: { folder: string; maxBytes: number; deadlineMs: number },
): Promise<ReceivedBody> {
  const { folder, maxBytes, deadlineMs } = options;
  const path = join(folder, randomUUID());
  const writer = await open(path, "wx", 0o600);
  const file = await open(path, "r");
  // Its name goes at once: whatever happens, the bytes go with the last who has it open.
  await rm(path);
  try {
    const sizeBytes = await copy(request, writer, { maxBytes, deadlineMs });
    return { file, sizeBytes, [Symbol.asyncDispose]: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  } finally {
    await writer.close();
  }
}

async function copy(
  request: IncomingMessage,
  file: FileHandle,
  limits: { maxBytes: number; deadlineMs: number },
): Promise<number> {
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (!["identity", "gzip", "x-gzip"].includes(encoding)) {
    throw invalidInput(`The body is encoded as ${encoding}, which is not understood.`, "bad-encoding");
  }
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const signal = AbortSignal.any([silence.signal, AbortSignal.timeout(limits.deadlineMs)]);
  const most = limits.maxBytes + COMMAND_BYTES;
  let sizeBytes = 0;
  const sink = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) {
      timer.refresh();
      sizeBytes += chunk.length;
      if (sizeBytes > most * DISCARDED) throw tooLarge(limits.maxBytes);
      if (sizeBytes <= most) await file.writeFile(chunk);
    }
  };
  try {
    if (encoding === "identity") await pipeline(request, sink, { signal });
    else await pipeline(request, createGunzip(), sink, { signal });
  } catch (error) {
    if (error instanceof SpellError) throw error;
    if ((error as NodeJS.ErrnoException).code?.startsWith("Z_"))
      throw invalidInput("The body is no gzip.", "bad-encoding");
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") {
      throw new SpellError("exhausted", "The coordinator's disk is full: this push cannot be taken.", {
        reason: "disk-full",
      });
    }
    throw new SpellError("unavailable", "The push did not arrive whole.", { reason: "push-broken", cause: error });
  } finally {
    clearTimeout(timer);
  }
  if (sizeBytes > most) throw tooLarge(limits.maxBytes);
  return sizeBytes;
}

function tooLarge(maxBytes: number): SpellError {
  const sentence = `This push is larger than the ${Math.round(maxBytes / 2 ** 20)} MiB that code may have.`;
  return invalidInput(`${sentence} Keep data out of the repository: upload it and mount it.`, "code-too-large");
}
