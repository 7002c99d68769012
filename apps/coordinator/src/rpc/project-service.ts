/** gRPC: projects. */
import type { Project, ProjectServiceServer } from "@spell/rpc";
import type { ProjectRecord } from "@spell/run-store";
import type { Services } from "../services.ts";
import { unary } from "./handler.ts";

export function createProjectService(services: Services): ProjectServiceServer {
  const { projects } = services;
  return {
    createProject: unary(services, async (request, { principal }) => ({
      project: toProjectMessage(await projects.create(principal, request)),
    })),
    getProject: unary(services, async (request, { principal }) => ({
      project: toProjectMessage(await projects.get(principal, request.projectId)),
    })),
    listProjects: unary(services, async (request, { principal }) => ({
      projects: (await projects.list(principal, request.archived)).map(toProjectMessage),
    })),
    editProject: unary(services, async ({ projectId, name, description }, { principal }) => ({
      project: toProjectMessage(await projects.edit(principal, projectId, { name, description })),
    })),
    archiveProject: unary(services, async (request, { principal }) => ({
      project: toProjectMessage(await projects.archive(principal, request.projectId)),
    })),
    unarchiveProject: unary(services, async (request, { principal }) => ({
      project: toProjectMessage(await projects.unarchive(principal, request.projectId)),
    })),
    addProjectRuns: unary(services, async (request, { principal }) => {
      await projects.addRuns(principal, request.projectId, request.runIds);
      return {};
    }),
    removeProjectRuns: unary(services, async (request, { principal }) => {
      await projects.removeRuns(principal, request.projectId, request.runIds);
      return {};
    }),
  };
}

function toProjectMessage(project: ProjectRecord): Project {
  return { ...project, archivedAtMs: project.archivedAtMs ?? 0 };
}
