/** The query of GET runs/{owner}: its schema, and which runs it asks for. */
import type { Static, TString } from "@sinclair/typebox";
import { Type } from "@sinclair/typebox";
import { invalidInput } from "@spell/domain";
import type { RunFilter } from "@spell/run-store";

const Id = Type.String({ pattern: "^[0-9]{1,15}$" });
/** Query values repeat for a list: `labels=a&labels=b`. */
const listOf = (item: TString) => Type.Optional(Type.Union([item, Type.Array(item)]));
const Flag = Type.Optional(Type.String({ pattern: "^([Tt]rue|[Ff]alse|0|1)$" }));

export const RunListQuery = Type.Object({
  page_size: Type.Optional(Type.String({ pattern: "^[0-9]{1,9}$" })),
  before_id: Type.Optional(Id),
  sort_column: Type.Optional(Type.String()),
  sort_ascending: Flag,
  /** There are no others than runs, and those without a project are never left out: both change nothing. */
  include_jupyter: Flag,
  show_uncategorized: Flag,
  project_id: Type.Optional(Id),
  labels: listOf(Type.String()),
  workspace_id: listOf(Id),
});

/** Throws invalid-input for an order that is not offered. */
export function toRunFilter(query: Static<typeof RunListQuery>): Omit<RunFilter, "owner"> {
  const column = query.sort_column ?? "user_run_id";
  if (column !== "user_run_id" && column !== "id") {
    throw invalidInput(`Runs are listed by their id, not by ${column}.`, "not-offered");
  }
  if (/^(true|1)$/i.test(query.sort_ascending ?? "")) {
    throw invalidInput("Runs are listed newest first; turn the list round to have the oldest first.", "not-offered");
  }
  return {
    pageSize: Number(query.page_size ?? 0),
    beforeId: query.before_id === undefined ? undefined : Number(query.before_id),
    projectId: query.project_id === undefined ? undefined : Number(query.project_id),
    labels: [query.labels ?? []].flat(),
    workspaceIds: [query.workspace_id ?? []].flat().map(Number),
  };
}
