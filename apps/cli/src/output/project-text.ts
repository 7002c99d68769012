/** How projects are shown. Pure. */
import type { Project } from "@spell/sdk";
import { oneLine } from "./clean-text.ts";
import { formatDescription } from "./description.ts";
import { formatAge, formatListing } from "./format.ts";

export function projectListing(
  projects: readonly Project[],
  { archived, now }: { archived: boolean; now: Date },
): string {
  const headings = ["NAME", "DESCRIPTION", "CREATOR", "TOTAL RUNS", "CREATED AT", ...(archived ? ["ARCHIVED AT"] : [])];
  const rows = projects.map(({ name, description, owner, totalRunCount, createdAt, archivedAt }) => {
    const cells = [name, description, owner, String(totalRunCount), formatAge(createdAt, now)].map(oneLine);
    return archivedAt === undefined ? cells : [...cells, formatAge(archivedAt, now)];
  });
  return formatListing(headings, rows);
}

export function projectDescription({ name, description, owner, createdAt }: Project, now: Date): string {
  return formatDescription([
    ["Name", name],
    ["Description", description],
    ["Creator", owner],
    ["Created At", formatAge(createdAt, now)],
  ]);
}

/** A project for programs: names as on the wire, times in ISO 8601. */
export function projectToJson(project: Project): Record<string, unknown> {
  return {
    ...{ id: project.id, name: project.name, description: project.description, owner: project.owner },
    ...{ created_at: project.createdAt.toISOString(), updated_at: project.updatedAt.toISOString() },
    archived_at: project.archivedAt?.toISOString() ?? null,
    ...{ total_run_count: project.totalRunCount, active_run_count: project.activeRunCount },
    total_runtime_seconds: Math.round(project.totalRuntimeMs / 1000),
  };
}
