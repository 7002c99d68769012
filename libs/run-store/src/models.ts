/** What the record holds of models: named results of runs, in versions. */

/** A file of a model, or a folder of files. */
export interface ModelFile {
  /** Relative to the version's resource; `.` is all of it. */
  resourcePath: string;
  /** Where it belongs in a copy of the model; empty: as in the resource. */
  destinationPath: string;
}

export interface ModelVersionRecord {
  id: number;
  /** `v1`, `v2`, …, or what the user said. */
  version: string;
  /** `runs/12/save` */
  resource: string;
  /** Never empty. */
  files: ModelFile[];
  description: string;
  createdAtMs: number;
}

export interface ModelRecord {
  id: number;
  owner: string;
  name: string;
  createdAtMs: number;
  /** Oldest first; never empty. */
  versions: ModelVersionRecord[];
}

/** A version to record; an empty `version` asks for the next number. */
export interface NewModelVersion extends Omit<ModelVersionRecord, "id"> {
  owner: string;
  name: string;
}

export interface ModelStore {
  /** Makes the model with its first version. Undefined when it has this version already. */
  addVersion(version: NewModelVersion): Promise<{ model: ModelRecord; version: ModelVersionRecord } | undefined>;
  findModel(owner: string, name: string): Promise<ModelRecord | undefined>;
  /** Newest first. */
  listModels(owner: string): Promise<ModelRecord[]>;
  /** False when there is no such version. */
  describeVersion(versionId: number, description: string): Promise<boolean>;
  /** With all versions; false when there was none. */
  removeModel(id: number): Promise<boolean>;
  /** The last version takes its model along. False when there was none. */
  removeVersion(modelId: number, versionId: number): Promise<boolean>;
}
