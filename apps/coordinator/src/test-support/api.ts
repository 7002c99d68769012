/** Requests to the HTTP API as its clients make them, and their answers taken apart. */
import { waitFor } from "@spell/testing";
import type { World } from "./world.ts";

export interface Answer {
  status: number;
  /** Parsed JSON. */
  body: Record<string, unknown>;
}

export interface ApiRequest {
  method?: string;
  /** Sent as JSON; a string is sent as it is. */
  body?: unknown;
  /** Default: Ann's. Empty: none is sent. */
  token?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Sends a request to `/v1/<path>`; the body of the answer is left to the caller. */
export function send(world: World, path: string, request: ApiRequest = {}): Promise<Response> {
  const { body, token = world.ann, signal } = request;
  const headers: Record<string, string> = { ...request.headers };
  if (token !== "") headers["authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] ??= "application/json";
  return fetch(`${world.api}/v1/${path}`, {
    method: request.method ?? (body === undefined ? "GET" : "POST"),
    headers,
    body: typeof body === "string" ? body : JSON.stringify(body),
    signal,
  });
}

/** Sends it and reads the answer. */
export async function ask(world: World, path: string, request: ApiRequest = {}): Promise<Answer> {
  const response = await send(world, path, request);
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

/** A POST without a body, as stop and kill are. */
export function post(world: World, path: string, token?: string): Promise<Answer> {
  return ask(world, path, { method: "POST", token });
}

/** The values of a stream of JSON lines, read to its end. */
export async function lines(world: World, path: string, body: unknown): Promise<Record<string, unknown>[]> {
  const response = await send(world, path, { body });
  const text = await response.text();
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A run of Ann's that waits for a machine. */
export async function newRun(world: World, body: Record<string, unknown> = {}): Promise<number> {
  const answer = await ask(world, "runs/ann", { body: { command: "true", ...body } });
  return (answer.body["run"] as { id: number }).id;
}

/** The run once it has this status. */
export function waitForStatus(world: World, id: number, status: string): Promise<Record<string, unknown>> {
  return waitFor(`run ${id} to be ${status}`, async () => {
    const run = (await ask(world, `runs/ann/${id}`)).body["run"] as Record<string, unknown>;
    return run["status"] === status && run;
  });
}
