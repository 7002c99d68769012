/** A run as every route answers it, and its id as every route takes it. */
import { invalidInput } from "@spell/domain";
import type { RunRecord } from "@spell/run-store";
import type { Services } from "../services.ts";
import { wireProject, wireRun } from "./wire.ts";
import { wireWorkspace } from "./wire-workspace.ts";

/** The run in the form of the wire, with its creator, its project and its workspace. */
export async function runAnswer(services: Services, run: RunRecord): Promise<Record<string, unknown>> {
  const [answer] = await runAnswers(services, [run]);
  if (answer === undefined) throw new Error("a run without an answer");
  return answer;
}

/** Runs of one owner. What they share is looked up once. */
export async function runAnswers(services: Services, runs: readonly RunRecord[]): Promise<Record<string, unknown>[]> {
  const [first] = runs;
  if (first === undefined) return [];
  const { owner, createdAtMs } = first;
  const creator = (await services.store.findUser(owner)) ?? { name: owner, email: "", createdAtMs };
  const projects = await each(
    runs,
    (run) => run.projectId,
    async (id) => {
      const project = await services.store.projects.find({ owner, id }, services.now());
      return project && wireProject(project, creator);
    },
  );
  const workspaces = await each(
    runs,
    (run) => run.spec.workspaceId,
    async (id) => {
      const workspace = await services.store.workspaces.find(id);
      return workspace && wireWorkspace({ workspace, creator, remoteUrl: `${services.addresses.api}/git/${id}.git` });
    },
  );
  return runs.map((run) => {
    const answer = { ...wireRun(run, creator, services.now()), spell_project: projects.get(run.projectId) ?? null };
    const workspace = workspaces.get(run.spec.workspaceId);
    return workspace === undefined ? answer : { ...answer, workspace };
  });
}

/** What these runs point at, by its id. */
async function each<T>(
  runs: readonly RunRecord[],
  idOf: (run: RunRecord) => number | undefined,
  find: (id: number) => Promise<T | undefined>,
): Promise<Map<number | undefined, T>> {
  const found = new Map<number | undefined, T>();
  for (const id of new Set(runs.map(idOf))) {
    const value = id === undefined ? undefined : await find(id);
    if (value !== undefined) found.set(id, value);
  }
  return found;
}

/** The number in a path. Throws invalid-input. */
export function runId(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw invalidInput(`"${text}" is not a run id.`, "bad-run-id");
  return Number(text);
}
