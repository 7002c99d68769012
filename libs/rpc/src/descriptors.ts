/** The contract as descriptors, for server reflection. */
import { readFileSync } from "node:fs";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";
import type { PackageDefinition } from "@grpc/proto-loader";

/** Every service of `proto/`, as grpc reflection wants it. */
export function loadDescriptors(): PackageDefinition {
  return loadFileDescriptorSetFromBuffer(readFileSync(new URL("./descriptors.binpb", import.meta.url)));
}
