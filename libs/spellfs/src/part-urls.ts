/** URLs for the parts of one object, asked for some at a time: they expire, so none is kept for long. */
import { SpellError } from "@spell/domain";
import type { MultipartTransport } from "./transport.ts";

/** At 16 MiB each what a slow line moves within the hour that a URL lives. */
const AT_ONCE = 16;

export class PartUrls {
  readonly #given: {
    transport: MultipartTransport;
    objectKey: string;
    count: number;
    skip: ReadonlyMap<number, unknown>;
  };
  readonly #ready = new Map<number, Promise<string | undefined>>();

  /** `skip`: those that will hardly be put. */
  constructor(given: {
    transport: MultipartTransport;
    objectKey: string;
    count: number;
    skip: ReadonlyMap<number, unknown>;
  }) {
    this.#given = given;
  }

  /** A URL for this part; another one each time. Throws what the transport throws. */
  async next(number: number): Promise<string> {
    const ready = this.#ready.get(number) ?? this.#ask(number);
    this.#ready.delete(number);
    const url = await ready;
    if (url !== undefined) return url;
    throw new SpellError("unavailable", "The coordinator gave no place for a part of a file. Try again.");
  }

  /** For it and for those that come next. */
  #ask(first: number): Promise<string | undefined> {
    const { transport, objectKey, count, skip } = this.#given;
    const numbers: number[] = [];
    for (let number = first; number <= count && numbers.length < AT_ONCE; number += 1) {
      if (number === first || (!skip.has(number) && !this.#ready.has(number))) numbers.push(number);
    }
    const asked = transport.presignParts({ objectKey, numbers });
    for (const [index, number] of numbers.entries()) {
      const url = asked.then((urls) => urls[index]);
      url.catch(() => undefined); // Whoever needs it hears of it.
      this.#ready.set(number, url);
    }
    return this.#ready.get(first) ?? Promise.resolve(undefined);
  }
}
