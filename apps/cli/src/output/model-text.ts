/** Models and their versions as tables and as JSON. Pure. */
import type { Model, ModelVersion } from "@spell/sdk";
import { formatTime } from "./format.ts";

/** Facts of a version, one a row. */
export function describeVersion(model: Model, version: ModelVersion): string[][] {
  const rows = [
    ["Model", model.name],
    ["Version", version.version],
    ["Creator", model.owner],
    ["Resource", version.resource],
    ["Created At", formatTime(version.createdAt)],
    ["Files", filesText(version)],
    ["Description", version.description],
  ];
  return rows.filter(([, value]) => value !== "");
}

/** `out.txt, a.bin:weights.bin` */
export function filesText({ files }: ModelVersion): string {
  return files
    .map(({ resourcePath, destinationPath }) =>
      destinationPath === "" ? resourcePath : `${resourcePath}:${destinationPath}`,
    )
    .join(", ");
}

export function modelToJson({ name, owner, createdAt, versions }: Model): Record<string, unknown> {
  return { name, owner, created_at: createdAt.toISOString(), versions: versions.map(versionToJson) };
}

export function versionToJson({
  version,
  resource,
  files,
  description,
  createdAt,
}: ModelVersion): Record<string, unknown> {
  return {
    ...{ version, resource, description, created_at: createdAt.toISOString() },
    files: files.map((file) => ({ resource_path: file.resourcePath, destination_path: file.destinationPath || null })),
  };
}
