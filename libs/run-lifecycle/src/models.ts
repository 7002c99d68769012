/** Models: named results of runs, in versions. */
import type { ModelFile, ModelRecord, ModelVersionRecord, RunStore } from "@spell/run-store";
import {
  SpellError,
  checkResourceName,
  invalidInput,
  isCleanRelativePath,
  notFound,
  parseResourcePath,
} from "@spell/domain";
import type { FoundResource, LocateDeps } from "./locate-resource.ts";
import { locateResource } from "./locate-resource.ts";
import type { Principal } from "./principal.ts";
import { requireOwner, requireUser } from "./principal.ts";

/** A version as somebody asks for it. */
export interface ModelRequest {
  name: string;
  /** Empty: the next of v1, v2, … */
  version: string;
  resource: string;
  /** Empty: all of the resource. */
  files: readonly ModelFile[];
  description: string;
}

export interface ModelVersion {
  model: ModelRecord;
  version: ModelVersionRecord;
}

const MAX_FILES = 10_000;
const MAX_DESCRIPTION_CHARACTERS = 10_000;

export class Models {
  readonly #deps: LocateDeps & { now(): number };

  constructor(deps: LocateDeps & { now(): number }) {
    this.#deps = deps;
  }

  /** Makes a version, and the model with its first. Throws invalid-input for what is not there, already-exists. */
  async add(principal: Principal, request: ModelRequest): Promise<ModelVersion> {
    const { userName: owner } = requireOwner(principal);
    const { name, version, description } = request;
    checkResourceName("A model", name);
    if (version !== "") checkResourceName("A version", version);
    checkDescription(description);
    const located = await locateResource(this.#deps, principal, request.resource);
    if (located.kind !== "found") {
      const why = located.kind === "list" ? "it is a list; name one of its entries" : located.why;
      throw invalidInput(`Cannot make a model of "${request.resource}": ${why}.`, "no-such-resource");
    }
    const files = await this.#checkFiles(located, request.files);
    const resource = directPath(request.resource, located);
    const createdAtMs = this.#deps.now();
    const made = await this.#models.addVersion({ owner, name, version, resource, files, description, createdAtMs });
    if (made !== undefined) return made;
    throw new SpellError("already-exists", `Model "${name}" has a version ${version} already.`, {
      reason: "version-taken",
    });
  }

  /** Newest first. */
  async list(principal: Principal): Promise<ModelRecord[]> {
    return this.#models.listModels(requireOwner(principal).userName);
  }

  /** Throws not-found. */
  async get(principal: Principal, name: string): Promise<ModelRecord> {
    const model = await this.#models.findModel(requireOwner(principal).userName, name);
    if (model !== undefined) return model;
    throw notFound(`There is no model "${name}".`, "no-such-model");
  }

  /** Throws not-found. */
  async getVersion(principal: Principal, name: string, version: string): Promise<ModelVersion> {
    const model = await this.get(principal, name);
    const found = model.versions.find((each) => each.version === version);
    if (found !== undefined) return { model, version: found };
    const known = model.versions.map((each) => each.version).join(", ");
    throw notFound(`Model "${name}" has no version ${version} (it has ${known}).`, "no-such-version");
  }

  /** Throws not-found. */
  async describe(
    principal: Principal,
    { name, version }: { name: string; version: string },
    description: string,
  ): Promise<void> {
    const found = await this.getVersion(requireUser(principal), name, version);
    checkDescription(description);
    await this.#models.describeVersion(found.version.id, description);
  }

  /** Removes a version, or all of the model. What it was made of stays. Throws not-found. */
  async remove(principal: Principal, name: string, version?: string): Promise<void> {
    const user = requireUser(principal);
    if (version === undefined) {
      await this.#models.removeModel((await this.get(user, name)).id);
      return;
    }
    const found = await this.getVersion(user, name, version);
    await this.#models.removeVersion(found.model.id, found.version.id);
  }

  get #models(): RunStore["models"] {
    return this.#deps.store.models;
  }

  async #checkFiles(located: FoundResource, files: readonly ModelFile[]): Promise<ModelFile[]> {
    if (files.length > MAX_FILES) {
      throw invalidInput(`A model may name ${MAX_FILES} files: name a folder that holds them.`, "too-many-files");
    }
    if (files.length === 0) return [{ resourcePath: ".", destinationPath: "" }];
    return Promise.all(files.map((file) => this.#checkFile(located, file)));
  }

  async #checkFile({ root, path }: FoundResource, file: ModelFile): Promise<ModelFile> {
    const [resourcePath, destinationPath] = [plain(file.resourcePath), plain(file.destinationPath)];
    for (const each of [resourcePath, destinationPath]) {
      if (!isCleanRelativePath(each, { allowEmpty: true })) {
        throw invalidInput(`"${each}" cannot be a file of a model: write it relative and without '..'.`, "bad-path");
      }
    }
    const whole = [path, resourcePath].filter((part) => part !== "").join("/");
    if ((await this.#deps.trees.follow(root, whole)) === undefined) {
      throw invalidInput(`Cannot make this model: its resource has no "${resourcePath}".`, "no-such-file");
    }
    return { resourcePath: resourcePath === "" ? "." : resourcePath, destinationPath };
  }
}

/** Without what means nothing: a leading `./`, slashes at the end. */
function plain(path: string): string {
  const short = path.replace(/^(?:\.\/+)+/, "").replace(/\/+$/, "");
  return short === "." ? "" : short;
}

/** Links may be removed later: a model keeps what they led to. */
function directPath(resource: string, { link }: FoundResource): string {
  const written = resource.replace(/\/+$/, "");
  const parsed = parseResourcePath(written);
  if (link === undefined || parsed.kind !== "link") return written;
  return parsed.path === "" ? link.resourcePath : `${link.resourcePath}/${parsed.path}`;
}

function checkDescription(description: string): void {
  if (description.length <= MAX_DESCRIPTION_CHARACTERS) return;
  throw invalidInput(`A description may have ${MAX_DESCRIPTION_CHARACTERS} characters.`, "too-long");
}
