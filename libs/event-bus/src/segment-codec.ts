/** Archived segments: one LogBatch in its wire form, compressed with zstd. */
import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";
import { SpellError, messageOf } from "@spell/domain";
import type { LogBatch } from "@spell/domain";
import { encodeBatchHeader } from "./entry-writer.ts";
import { decodeLogBatch } from "./log-codec.ts";

/** A segment that would take more than this when decompressed is refused. */
export const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Level 1: twice as fast as the default for text, a tenth larger. */
const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } };

/** The compressed segment of entries in their wire form, off the main thread. */
export async function compressSegment(
  header: { runId: number; attempt: number; firstNumber: number },
  bodies: readonly Uint8Array[],
): Promise<Buffer> {
  return compress(Buffer.concat([encodeBatchHeader(header), ...bodies]), OPTIONS);
}

/** The batch in a segment. Throws `data-loss` for damaged bytes and for what would take more than 64 MiB. */
export async function decompressSegment(bytes: Uint8Array): Promise<LogBatch> {
  let raw: Buffer;
  try {
    raw = await decompress(bytes, { maxOutputLength: MAX_SEGMENT_BYTES });
  } catch (error) {
    throw new SpellError("data-loss", `A log segment cannot be decompressed: ${messageOf(error)}.`, { cause: error });
  }
  return decodeLogBatch(raw);
}
