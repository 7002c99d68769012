/**
 * Every call of the historical HTTP API, by the area of the suite whose scenarios make it. The area fails where one was not
 * made; accounts.itest.ts compares them all with what the coordinator serves.
 */
import { userInfo } from "node:os";

/** `{…}` stands for a part of the path, `{path…}` for its rest. */
export const CALLS: Readonly<Record<string, readonly string[]>> = {
  runs: [
    "POST runs/{owner}",
    "GET runs/{owner}",
    "GET runs/{owner}/{id}",
    "POST runs/{owner}/{id}/stop",
    "POST runs/{owner}/{id}/kill",
    "POST runs/{owner}/{id}/logs",
    "POST runs/{owner}/{id}/wait_status",
    "GET supported_options/{owner}/machine_types",
    "GET users/me",
  ],
  idioms: [],
  stats: ["POST runs/{owner}/{id}/stats"],
  code: [
    "PUT workspaces/{owner}",
    "GET workspaces/{owner}",
    "GET workspaces/{owner}/{id}",
    "DELETE workspaces/{owner}/{id}",
    "POST workflows/{owner}",
    "GET workflows/{owner}/{id}",
    "POST workflows/{owner}/{id}/stop",
    "POST workflows/{owner}/{id}/kill",
    "DELETE workflows/{owner}/{id}",
  ],
  accounts: [
    "POST users",
    "POST users/login",
    "POST users/logout",
    "POST users/me/check_password",
    "PUT users/me/change_password",
    "GET users/me/access_tokens",
    "POST users/me/access_tokens",
    "DELETE users/me/access_tokens",
    "GET keys",
    "POST keys",
    "GET keys/{id}",
    "DELETE keys/{id}",
    "POST feedback",
    // What is not offered, and said to be so.
    "GET billing/{owner}/status",
    "GET features/{owner}",
  ],
  projects: [
    "POST projects/{owner}",
    "GET projects/{owner}",
    "GET projects/{owner}/{id}",
    "PATCH projects/{owner}/{id}",
    "DELETE projects/{owner}/{id}",
    "POST projects/{owner}/unarchive",
    "POST projects/{owner}/{id}/runs",
    "DELETE projects/{owner}/{id}/runs",
    "DELETE runs/{owner}/{id}",
    "POST runs/{owner}/stop_batch",
    "POST runs/{owner}/kill_batch",
    "POST runs/{owner}/archive_batch",
    "PUT runs/{owner}/{id}/add_label",
    "PUT runs/{owner}/{id}/remove_label",
  ],
  files: [
    "GET resources/{owner}/ls/{path…}",
    "GET resources/{owner}/cp/{path…}",
    "POST links/{owner}",
    "GET links/{owner}",
    "GET links/{owner}/{alias}",
    "DELETE links/{owner}/{alias}",
    "POST datasets/{owner}",
    "DELETE datasets/{owner}",
    "POST datasets/upload",
    "HEAD datasets/upload/{number}",
    "PATCH datasets/upload/{number}",
    "POST datasets/{owner}/{id}/upload_complete",
    "POST model/{owner}",
    "GET model/{owner}",
    "GET model/{owner}/{name}",
    "DELETE model/{owner}/{name}",
    "GET model/{owner}/{name}/version/{version}",
    "PUT model/{owner}/{name}/version/{version}",
    "DELETE model/{owner}/{name}/version/{version}",
  ],
  searches: [
    "POST runs/{owner}/hyper_search",
    "GET runs/{owner}/hyper_search",
    "GET runs/{owner}/hyper_search/{id}",
    "DELETE runs/{owner}/hyper_search/{id}",
    "POST runs/{owner}/hyper_search/{id}/stop",
    "POST runs/{owner}/hyper_search/{id}/kill",
    "GET runs/{owner}/hyper_search/{id}/metric-names",
    "GET runs/{owner}/hyper_search/{id}/metrics/{name}",
    "POST runs/{owner}/{id}/user-metrics",
    "POST runs/{owner}/{id}/wait_metric",
  ],
};

/** Served, and never asked by the historical client: the list of uploads, and what any other tus client may ask first. */
const NOT_ASKED = ["GET datasets/{}", "OPTIONS datasets/upload"];

/** What the coordinator of that address serves, by its own description, and no area's scenarios ask. */
export async function callsOfNoArea(url: string): Promise<string[]> {
  const answer = await fetch(`${url}/v1/openapi.json`);
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, unknown>> };
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${bare(path.replace("/v1/", ""))}`),
  );
  const asked = new Set([...Object.values(CALLS).flat().map(bare), ...NOT_ASKED]);
  return served.filter((call) => !asked.has(call));
}

/** With the parts of the path unnamed. */
function bare(call: string): string {
  return call.replace(/\{[^}]*\}/g, "{}");
}

/** Those of the calls that no request was. */
export function missingCalls(calls: readonly string[], requests: readonly string[]): string[] {
  return calls.filter((call) => !requests.some((request) => patternOf(call).test(request)));
}

/** Of a request as the tap notes it; a name in place of an owner or an id is none. */
function patternOf(call: string): RegExp {
  const [method = "", path = ""] = call.split(" ");
  const source = path
    .replaceAll("{owner}", userInfo().username)
    .replace(/\{(?:id|number)\}/g, "\\d+")
    .replace(/\{path…\}/g, ".*")
    .replace(/\{\w+\}/g, "[^/]+");
  return new RegExp(`^${method} /v1/${source}$`);
}
