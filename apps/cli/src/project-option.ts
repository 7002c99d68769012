/** Projects as users name them: by name, whatever the letter case. */
import type { Project, SpellClient } from "@spell/sdk";
import { Questions } from "./ask.ts";
import { EXIT_ERROR, UsageError } from "./exit-codes.ts";

/** Throws exit code 1 when there is none of that name. */
export async function projectNamed(client: SpellClient, name: string): Promise<Project> {
  const project = await client.projects.find(name);
  if (project === undefined) throw unknownProject(name);
  return project;
}

/** The same, but one that is not there is made if the user says so. */
export async function projectToRunIn(client: SpellClient, name: string): Promise<Project> {
  const project = await client.projects.find(name);
  if (project !== undefined) return project;
  using questions = new Questions();
  const wanted = await questions.confirm(
    `A project named '${name}' could not be found. Would you like to create a new one?`,
  );
  if (!wanted) throw unknownProject(name);
  return client.projects.create({ name });
}

function unknownProject(name: string): UsageError {
  return new UsageError(EXIT_ERROR, `Unknown project '${name}'. "spell project list" shows them.`);
}
