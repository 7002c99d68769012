/** `client.models`: named results of runs, in versions. */
import { SpellError } from "@spell/domain";
import type { Model as ModelRecord, ModelFile, ModelVersion as VersionRecord } from "@spell/rpc";
import type { CallOptions, Connection } from "./connection.ts";

export interface ModelVersion {
  /** `v1`, `v2`, …, or what the user said. */
  version: string;
  resource: string;
  /** Never empty; `.` is all of the resource. */
  files: readonly ModelFile[];
  description: string;
  createdAt: Date;
}

export interface Model {
  name: string;
  owner: string;
  createdAt: Date;
  /** Oldest first; never empty. */
  versions: ModelVersion[];
}

export interface ModelRequest {
  name: string;
  /** `runs/12/save` */
  resource: string;
  /** Default: the next of v1, v2, … */
  version?: string;
  /** Default: all of the resource. */
  files?: readonly { resourcePath: string; destinationPath?: string }[];
  description?: string;
}

/** Once sent, it may have been done: a call whose answer was lost is not made again. */
const ONCE = { retryForMs: 0 };

export class ModelsService {
  readonly #connection: Connection;

  /** Made by SpellClient. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Makes a version, and the model with its first. Throws `invalid-input` for what is not there, `already-exists`. */
  async create(request: ModelRequest, options: CallOptions = {}): Promise<{ model: Model; version: ModelVersion }> {
    const client = this.#connection.models;
    const { name, resource, version: wanted = "", files = [], description = "" } = request;
    const asked = files.map((file) => ({ ...file, destinationPath: file.destinationPath ?? "" }));
    const message = { name, resource, version: wanted, files: asked, description };
    const { model, version } = await this.#connection.unary(client.createModelVersion.bind(client), message, {
      ...ONCE,
      ...options,
    });
    if (version === undefined) throw noAnswer();
    return { model: toModel(model), version: toVersion(version) };
  }

  /** Newest first. */
  async list(options: CallOptions = {}): Promise<Model[]> {
    const client = this.#connection.models;
    return (await this.#connection.unary(client.listModels.bind(client), {}, options)).models.map(toModel);
  }

  /** Throws `not-found`. */
  async get(name: string, options: CallOptions = {}): Promise<Model> {
    const client = this.#connection.models;
    return toModel((await this.#connection.unary(client.getModel.bind(client), { name }, options)).model);
  }

  /** Changes what is said about a version. Throws `not-found`. */
  async describe(
    { name, version }: { name: string; version: string },
    description: string,
    options: CallOptions = {},
  ): Promise<ModelVersion> {
    const client = this.#connection.models;
    const message = { name, version, description };
    const answer = await this.#connection.unary(client.updateModelVersion.bind(client), message, options);
    if (answer.version === undefined) throw noAnswer();
    return toVersion(answer.version);
  }

  /** Removes a version, or the model with all. What they were made of stays. Throws `not-found`. */
  async remove(name: string, version = "", options: CallOptions = {}): Promise<void> {
    const client = this.#connection.models;
    await this.#connection.unary(client.deleteModel.bind(client), { name, version }, { ...ONCE, ...options });
  }
}

function toModel(record: ModelRecord | undefined): Model {
  if (record === undefined) throw noAnswer();
  const { name, owner, createdAtMs, versions } = record;
  return { name, owner, createdAt: new Date(createdAtMs), versions: versions.map(toVersion) };
}

function toVersion({ version, resource, files, description, createdAtMs }: VersionRecord): ModelVersion {
  return { version, resource, files, description, createdAt: new Date(createdAtMs) };
}

function noAnswer(): SpellError {
  return new SpellError("internal", "The coordinator answered without a model.");
}
