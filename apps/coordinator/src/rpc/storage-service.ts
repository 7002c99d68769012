/** gRPC: keeping the store in order. Parse, one call into a use case, map the result. */
import type {
  CheckStoreResponse,
  CollectGarbageResponse,
  MeasureStoreResponse,
  StorageServiceServer,
} from "@spell/rpc";
import type { CheckProgress } from "@spell/run-lifecycle";
import type { Services } from "../services.ts";
import { serverStream } from "./handler.ts";
import { withPace } from "./pace.ts";

/** A message stays small. */
const ITEMS_PER_MESSAGE = 1_000;

export function createStorageService(services: Services): StorageServiceServer {
  const { storage } = services;
  return {
    collectGarbage: serverStream(
      services,
      async function* (request, { principal, signal }): AsyncGenerator<CollectGarbageResponse> {
        for await (const { last, value } of withPace(storage.collect(principal, request), signal)) {
          yield { ...value, finished: last };
        }
      },
    ),
    measureStore: serverStream(
      services,
      async function* (_request, { principal, signal }): AsyncGenerator<MeasureStoreResponse> {
        for await (const { value } of withPace(storage.measure(principal), signal)) {
          const { checkedBlobs, measured } = value;
          const [totals, items] = [measured?.totals, measured?.items ?? []];
          for (let start = 0; start < items.length; start += ITEMS_PER_MESSAGE) {
            const part = items.slice(start, start + ITEMS_PER_MESSAGE);
            yield { checkedBlobs, items: part, totals: undefined, finished: false };
          }
          yield { checkedBlobs, items: [], totals, finished: totals !== undefined };
        }
      },
    ),
    checkStore: serverStream(
      services,
      async function* (request, { principal, signal }): AsyncGenerator<CheckStoreResponse> {
        const checking = storage.check(principal, request);
        const isNews = ({ loss, note }: CheckProgress): boolean => loss !== undefined || note !== undefined;
        for await (const { last, value } of withPace(checking, signal, isNews)) {
          const { loss, note, ...progress } = value;
          const losses = loss === undefined ? [] : [{ ...loss, repairedFrom: loss.repairedFrom ?? "" }];
          yield { ...progress, losses, notes: note === undefined ? [] : [note], finished: last };
        }
      },
    ),
  };
}
