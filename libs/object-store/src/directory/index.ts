export { createDirectoryStore } from "./directory-store.ts";
export type { DirectoryStore, DirectoryStoreOptions, OpenObject } from "./directory-store.ts";
export { createStoreHandler } from "./store-handler.ts";
export type { StoreHandlerOptions } from "./store-handler.ts";
export type { Verdict } from "./url-signature.ts";
