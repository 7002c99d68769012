/** Gives the coordinator what its store has lost and this machine's cache still holds. The requests come with the desired state. */
import { invalidInput, isDigest, messageOf } from "@spell/domain";
import type { Digest } from "@spell/domain";
import type { Logger } from "@spell/logging";
import type { CompleteRepairRequest, RepairRequest } from "@spell/rpc";
import type { HeldBlob, TreeCache } from "@spell/spellfs";

export interface RepairsOptions {
  cache: TreeCache;
  log: Logger;
  complete: (answer: CompleteRepairRequest) => Promise<void>;
}

/** How often it is said that bytes move, milliseconds. */
const SIGN_EVERY_MS = 5_000;

export class Repairs {
  readonly #options: RepairsOptions;
  readonly #underway = new Map<string, AbortController>();

  constructor(options: RepairsOptions) {
    this.#options = options;
  }

  /** Does what is wanted and is not under way; what is not wanted any more ends. */
  apply(requests: readonly RepairRequest[]): void {
    const wanted = new Set(requests.map(({ repairId }) => repairId));
    for (const [id, abort] of this.#underway) if (!wanted.has(id)) abort.abort();
    for (const request of requests) if (!this.#underway.has(request.repairId)) this.#begin(request);
  }

  #begin(request: RepairRequest): void {
    const { repairId } = request;
    const { complete, log } = this.#options;
    const abort = new AbortController();
    this.#underway.set(repairId, abort);
    this.#hold(request, abort.signal)
      .then(
        (held) => ({ repairId, held, error: "", underWay: false }),
        (error: unknown) => ({ repairId, held: [], error: messageOf(error), underWay: false }),
      )
      .then((answer) => (abort.signal.aborted ? undefined : complete(answer)))
      .catch((error: unknown) => log.warn({ err: error, repairId }, "repair not delivered"))
      .finally(() => this.#underway.delete(repairId));
  }

  async #hold({ repairId, digests, putUrl, nodes }: RepairRequest, signal: AbortSignal): Promise<HeldBlob[]> {
    const { cache, complete, log } = this.#options;
    const names = digests.map(toDigest);
    if (putUrl === "") return cache.findBlobs(names, { nodes });
    let saidAt = performance.now();
    const onBytes = (): void => {
      if (performance.now() - saidAt < SIGN_EVERY_MS) return;
      saidAt = performance.now();
      complete({ repairId, held: [], error: "", underWay: true }).catch((error: unknown) =>
        log.warn({ err: error, repairId }, "progress of a repair not delivered"),
      );
    };
    return cache.sendBlobs(names, { putUrl, onBytes }, { signal });
  }
}

function toDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw invalidInput(`"${text}" is not a digest.`);
}
