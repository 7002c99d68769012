/** The contract suite of the object store: every driver passes it, whatever it is made of. */
import { afterAll, beforeAll, describe } from "vitest";
import { describeHostileInput } from "./contract/hostile-input.ts";
import { describeListing } from "./contract/listing.ts";
import { describeMultiparts } from "./contract/multiparts.ts";
import { describePresignedUrls } from "./contract/presigned-urls.ts";
import { describeStoredBytes } from "./contract/stored-bytes.ts";
import { describeUploads } from "./contract/uploads.ts";
import type { ObjectStore } from "./object-store.ts";

/** A store under test; its presigned URLs must be reachable until it is disposed of. */
export interface ObjectStoreFixture extends AsyncDisposable {
  store: ObjectStore;
}

/** Declares the suite. `setup` is called once; tests share the store and keep apart by their keys. */
export function describeObjectStore(name: string, setup: () => Promise<ObjectStoreFixture>): void {
  describe(`object store contract: ${name}`, () => {
    let fixture: ObjectStoreFixture | undefined;
    beforeAll(async () => {
      fixture = await setup();
    }, 90_000);
    afterAll(() => fixture?.[Symbol.asyncDispose](), 30_000);
    const store = (): ObjectStore => {
      if (fixture === undefined) throw new Error("the store under test was not set up");
      return fixture.store;
    };
    describeStoredBytes(store);
    describeListing(store);
    describeHostileInput(store);
    describePresignedUrls(store);
    describeUploads(store);
    describeMultiparts(store);
  });
}
