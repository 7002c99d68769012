/** The object store: what was put is there, whoever dies. It may be away for a while. */
import { SpellError, notFound } from "@spell/domain";
import type { ObjectStore } from "@spell/object-store";
import { toError, world } from "../world/world.ts";

export class SimObjects {
  readonly objects = new Map<string, Uint8Array>();
  isAway = false;

  /** As a coordinator sees it. */
  driver(): ObjectStore {
    const { objects } = this;
    const call = <T>(name: string, work: () => T): Promise<T> => {
      world().effect();
      return new Promise((resolve, reject) => {
        const answer = (): void => {
          if (this.isAway) {
            reject(new SpellError("unavailable", "The object store is away.", { reason: "store-unavailable" }));
            return;
          }
          try {
            const value = work();
            // It is done, and whoever asked hears of it a little later.
            world().after(world().random.between(0.1, 3), name, () => resolve(value));
          } catch (error) {
            reject(toError(error));
          }
        };
        world().after(world().random.between(0.1, 3), name, answer);
      });
    };
    const refuse = (): never => {
      throw new Error("not part of the simulation");
    };
    return {
      put: (key, body) => call("put", () => void objects.set(key, Uint8Array.from(body))),
      get: (key, range) =>
        call("get", () => {
          const body = objects.get(key);
          if (body === undefined) throw notFound(`There is no object ${key}.`);
          return range === undefined ? body : body.subarray(range.offset, range.offset + range.length);
        }),
      find: (key) =>
        call("find", () => {
          const body = objects.get(key);
          return body && { key, sizeBytes: body.length, modifiedAtMs: Date.now() };
        }),
      delete: (key) => call("delete", () => void objects.delete(key)),
      list: refuse,
      presignPut: async (key) => `simulated:${key}`,
      presignGet: async (key) => `simulated:${key}`,
      startMultipart: refuse,
      presignPart: refuse,
      listParts: refuse,
      completeMultipart: refuse,
      abortMultipart: refuse,
      listMultiparts: refuse,
    };
  }
}
