export { MAX_PARTS } from "./multipart.ts";
export type { Multipart, PartTag, StoredPart } from "./multipart.ts";
export type { ByteRange, MultipartInfo, ObjectInfo, ObjectStore } from "./object-store.ts";
export { MAX_KEY_LENGTH, MAX_KEY_PART_LENGTH, checkKey } from "./object-key.ts";
export { MAX_PRESIGN_SECONDS } from "./request-limits.ts";
