/** Which answer each route gives, for the document that describes the API and for the tests that hold the routes to it. */
import type { TSchema } from "@sinclair/typebox";
import * as a from "./answer-schemas.ts";
import * as c from "./collection-schemas.ts";

/** A stream answers with JSON lines, each of this schema. */
export interface Answer {
  schema: TSchema;
  stream?: true;
  /** Of success. Default 200. */
  status?: number;
}

const one = (schema: TSchema): Answer => ({ schema });
const headers = (status: number): Answer => ({ schema: c.Nothing, status });
const lines = (schema: TSchema): Answer => ({ schema, stream: true });

/** By `METHOD path` as the routes are registered. */
export const ANSWERS: Readonly<Record<string, Answer>> = {
  "POST /v1/users": one(a.User),
  "POST /v1/users/login": one(a.Session),
  "POST /v1/users/logout": one(a.Empty),
  "GET /v1/users/me": one(a.User),
  "POST /v1/users/me/check_password": one(a.Empty),
  "PUT /v1/users/me/change_password": one(a.Empty),
  "GET /v1/users/me/access_tokens": one(a.AccessTokens),
  "POST /v1/users/me/access_tokens": one(a.NewAccessToken),
  "DELETE /v1/users/me/access_tokens": one(a.Empty),
  "POST /v1/feedback": one(a.Empty),
  "POST /v1/keys": one(a.Key),
  "GET /v1/keys": one(a.Keys),
  "GET /v1/keys/:id": one(a.Key),
  "DELETE /v1/keys/:id": one(a.Empty),
  "GET /v1/supported_options/:owner/machine_types": one(a.Options),

  "POST /v1/runs/:owner": one(a.NewRun),
  "GET /v1/runs/:owner": one(a.Runs),
  "GET /v1/runs/:owner/:id": one(a.Run),
  "DELETE /v1/runs/:owner/:id": one(a.Empty),
  "POST /v1/runs/:owner/:id/stop": one(a.Empty),
  "POST /v1/runs/:owner/:id/kill": one(a.Empty),
  "POST /v1/runs/:owner/stop_batch": one(a.StopBatch),
  "POST /v1/runs/:owner/kill_batch": one(a.KillBatch),
  "POST /v1/runs/:owner/archive_batch": one(a.ArchiveBatch),
  "PUT /v1/runs/:owner/:id/add_label": one(a.Empty),
  "PUT /v1/runs/:owner/:id/remove_label": one(a.Empty),
  "POST /v1/runs/:owner/:id/logs": lines(a.LogLine),
  "POST /v1/runs/:owner/:id/wait_status": lines(a.WaitLine),

  "POST /v1/runs/:owner/:id/user-metrics": lines(c.MetricLine),
  "POST /v1/runs/:owner/:id/wait_metric": lines(a.WaitLine),

  "POST /v1/runs/:owner/:id/stats": lines(c.StatsLine),

  "POST /v1/runs/:owner/hyper_search": one(c.Search),
  "GET /v1/runs/:owner/hyper_search": one(c.Searches),
  "GET /v1/runs/:owner/hyper_search/:id": one(c.Search),
  "DELETE /v1/runs/:owner/hyper_search/:id": one(a.Empty),
  "POST /v1/runs/:owner/hyper_search/:id/stop": one(a.Empty),
  "POST /v1/runs/:owner/hyper_search/:id/kill": one(a.Empty),
  "GET /v1/runs/:owner/hyper_search/:id/metric-names": one(c.MetricNames),
  "GET /v1/runs/:owner/hyper_search/:id/metrics/:name": one(c.Metrics),

  "POST /v1/projects/:owner": one(c.Project),
  "GET /v1/projects/:owner": one(c.Projects),
  "GET /v1/projects/:owner/:id": one(c.Project),
  "PATCH /v1/projects/:owner/:id": one(c.Project),
  "DELETE /v1/projects/:owner/:id": one(c.Project),
  "POST /v1/projects/:owner/unarchive": one(c.Project),
  "POST /v1/projects/:owner/:id/runs": one(a.Empty),
  "DELETE /v1/projects/:owner/:id/runs": one(a.Empty),

  "GET /v1/resources/:owner/ls/*": lines(c.ListLine),
  "GET /v1/resources/:owner/cp/*": one(c.Archive),
  "POST /v1/links/:owner": one(c.Link),
  "GET /v1/links/:owner": one(c.Links),
  "GET /v1/links/:owner/:alias": one(c.LinkIfAny),
  "DELETE /v1/links/:owner/:alias": one(a.Empty),
  "POST /v1/model/:owner": one(c.ModelVersion),
  "GET /v1/model/:owner": one(c.Models),
  "GET /v1/model/:owner/:name": one(c.Model),
  "DELETE /v1/model/:owner/:name": one(a.Empty),
  "GET /v1/model/:owner/:name/version/:version": one(c.ModelVersion),
  "PUT /v1/model/:owner/:name/version/:version": one(c.ModelVersion),
  "DELETE /v1/model/:owner/:name/version/:version": one(a.Empty),
  "POST /v1/datasets/:owner": one(c.Upload),
  "GET /v1/datasets/:owner": one(c.Uploads),
  "DELETE /v1/datasets/:owner": one(a.Empty),
  "POST /v1/datasets/:owner/:id/upload_complete": one(c.Upload),
  "OPTIONS /v1/datasets/upload": headers(204),
  "POST /v1/datasets/upload": headers(201),
  "PATCH /v1/datasets/upload/:number": headers(204),

  "PUT /v1/workspaces/:owner": one(a.Workspace),
  "GET /v1/workspaces/:owner": one(a.Workspaces),
  "GET /v1/workspaces/:owner/:id": one(a.Workspace),
  "DELETE /v1/workspaces/:owner/:id": one(a.Empty),

  "POST /v1/workflows/:owner": one(a.Workflow),
  "DELETE /v1/workflows/:owner/:id": one(a.Empty),
  "GET /v1/workflows/:owner/:id": one(a.Workflow),
  "POST /v1/workflows/:owner/:id/stop": one(a.Empty),
  "POST /v1/workflows/:owner/:id/kill": one(a.Empty),
};
