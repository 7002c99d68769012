/** The object store that the configuration asks for. */
import type { ObjectStore } from "@spell/object-store";
import { createDirectoryStore, createStoreHandler } from "@spell/object-store/directory";
import type { CoordinatorConfig } from "./config.ts";
import type { StoreHandler } from "./http/server.ts";

/** `handler`: serves its bytes, where no other server does. */
export async function openObjects(
  settings: CoordinatorConfig,
  embedded: { root: string; secret: string; publicUrl: () => string },
): Promise<{ objects: ObjectStore; handler?: StoreHandler }> {
  if (settings.s3 !== undefined) {
    // Its library takes 13 MiB, which the embedded store does without.
    const { createS3Store } = await import("@spell/object-store/s3");
    const objects = createS3Store(settings.s3);
    await objects.ensureBucket();
    return { objects };
  }
  const objects = await createDirectoryStore(embedded);
  return { objects, handler: createStoreHandler(objects) };
}
