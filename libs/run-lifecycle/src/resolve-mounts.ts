/** Finds what a request's mounts name, when the run is created: an absent resource is refused at once, by its name. */
import { invalidInput, invalidResource, resolveMountPoint } from "@spell/domain";
import type { ResolvedMount, RunStore } from "@spell/run-store";
import { locateResource } from "./locate-resource.ts";
import type { Principal } from "./principal.ts";
import type { TreeCatalog } from "./tree-catalog.ts";

export interface MountRequest {
  resource: string;
  /** Empty: the resource's base name. */
  mountPoint: string;
}

/** More mounts than this are a mistake; each costs the sandbox a mount. */
const MAX_MOUNTS = 256;

export async function resolveMounts(
  deps: { store: RunStore; trees: TreeCatalog },
  request: { principal: Principal; mounts: readonly MountRequest[]; codeRoot: string },
): Promise<ResolvedMount[]> {
  if (request.mounts.length > MAX_MOUNTS) {
    throw invalidInput(
      `A run can have at most ${MAX_MOUNTS} mounts: mount a folder that holds them.`,
      "too-many-mounts",
    );
  }
  const resolved: ResolvedMount[] = [];
  for (const mount of request.mounts) {
    const path = resolveMountPoint(mount.resource, mount.mountPoint, request.codeRoot);
    resolved.push({ ...mount, path, ...(await findResource(deps, request.principal, mount.resource)) });
  }
  checkPlaces(resolved);
  return resolved;
}

async function findResource(
  deps: { store: RunStore; trees: TreeCatalog },
  principal: Principal,
  resource: string,
): Promise<Pick<ResolvedMount, "isFile" | "digest" | "sizeBytes" | "executable">> {
  const located = await locateResource(deps, principal, resource);
  if (located.kind === "list") throw invalidResource(resource, "name one of its entries");
  if (located.kind !== "found") throw invalidResource(resource, located.why);
  const { entry } = located;
  if (entry.kind === "symlink")
    throw invalidResource(resource, `it is a link to "${entry.target}", which is not there`);
  if (entry.kind === "directory") return { isFile: false, digest: entry.digest, sizeBytes: 0, executable: false };
  return { isFile: true, digest: entry.digest, sizeBytes: entry.sizeBytes, executable: entry.executable };
}

function checkPlaces(mounts: readonly ResolvedMount[]): void {
  for (const [index, mount] of mounts.entries()) {
    for (const other of mounts.slice(0, index)) {
      const clash = mount.path === other.path || hidesUnderFile(mount, other) || hidesUnderFile(other, mount);
      if (clash) {
        throw invalidInput(
          `Cannot mount both "${other.resource}" and "${mount.resource}" at ${mount.path}: give one of them another path.`,
          "mount-clash",
        );
      }
    }
  }
}

function hidesUnderFile(inner: ResolvedMount, outer: ResolvedMount): boolean {
  return outer.isFile && inner.path.startsWith(`${outer.path}/`);
}
