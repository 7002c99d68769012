/** gRPC: keeping the store in order. Parse, one call into a use case, map the result. */
import type { CollectGarbageResponse, StorageServiceServer } from "@spell/rpc";
import type { Services } from "../services.ts";
import { serverStream } from "./handler.ts";
import { withPace } from "./pace.ts";

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
  };
}
