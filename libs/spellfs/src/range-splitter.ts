/** Cuts the bytes of a range of an object into the blobs that lie in it. */
import type { BlobSink, BlobWriter } from "./blob-writer.ts";
import { createBlobWriter } from "./blob-writer.ts";
import { diskError } from "./disk.ts";
import type { BlobPlace } from "./transport.ts";

export interface SplitRequest {
  /** Where the first byte lies in the object. */
  offset: number;
  /** By offset; they may overlap. */
  blobs: readonly BlobPlace[];
  sink: BlobSink;
  /** What messages call the place of the folder. */
  folderPath: string;
  /** Told each blob that is complete, and whether its bytes were right. */
  onBlob: (place: BlobPlace, sound: boolean) => void;
  onBytes: (bytes: number) => void;
}

interface OpenBlob {
  place: BlobPlace;
  writer: BlobWriter;
  movedBytes: number;
}

export class RangeSplitter {
  #position: number;
  readonly #waiting: readonly BlobPlace[];
  /** How many of them have begun. */
  #begun = 0;
  #open: OpenBlob[] = [];
  readonly #given: SplitRequest;

  constructor(given: SplitRequest) {
    this.#position = given.offset;
    this.#waiting = given.blobs;
    this.#given = given;
  }

  get isDone(): boolean {
    return this.#begun === this.#waiting.length && this.#open.length === 0;
  }

  async write(chunk: Uint8Array): Promise<void> {
    const start = this.#position;
    const end = start + chunk.length;
    this.#position = end;
    for (;;) {
      const place = this.#waiting[this.#begun];
      if (place === undefined || place.offset >= end) break;
      this.#begun += 1;
      this.#open.push({ place, writer: createBlobWriter(this.#given.sink, place), movedBytes: 0 });
    }
    for (const blob of [...this.#open]) {
      const { place, writer } = blob;
      const placeEnd = place.offset + place.sizeBytes;
      try {
        const bytes = chunk.subarray(Math.max(place.offset - start, 0), placeEnd - start);
        await writer.write(bytes);
        blob.movedBytes += bytes.length;
        this.#given.onBytes(bytes.length);
        if (placeEnd > end) continue;
        const sound = await writer.finish();
        this.#open = this.#open.filter((other) => other !== blob);
        if (!sound) this.#given.onBytes(-place.sizeBytes);
        this.#given.onBlob(place, sound);
      } catch (error) {
        throw diskError(error, this.#given.folderPath);
      }
    }
  }

  unfinished(): BlobPlace[] {
    return [...this.#open.map(({ place }) => place), ...this.#waiting.slice(this.#begun)];
  }

  async discard(): Promise<void> {
    await Promise.allSettled(this.#open.map(({ writer }) => writer.discard()));
    this.#given.onBytes(-this.#open.reduce((sum, { movedBytes }) => sum + movedBytes, 0));
    this.#open = [];
  }
}
