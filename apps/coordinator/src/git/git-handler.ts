/**
 * Git's smart HTTP, receiving only: `/git/<workspace>.git`. Who pushes says so by a push token; everything else is refused
 * before git is started.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { SpellError, messageOf, notFound } from "@spell/domain";
import type { PushTokens } from "@spell/run-lifecycle";
import type { RunStore, WorkspaceRecord } from "@spell/run-store";
import { gitSentence } from "@spell/spellfs";
import type { GitChildren } from "./git-children.ts";
import type { BackendRequest } from "./http-backend.ts";
import { runHttpBackend } from "./http-backend.ts";
import { receiveBody } from "./receive-body.ts";
import type { GitRepositories } from "./repositories.ts";

export interface GitHandlerOptions {
  store: Pick<RunStore, "workspaces">;
  tokens: PushTokens;
  repositories: GitRepositories;
  git: GitChildren;
  /** Most bytes of one push. */
  maxBytes: number;
  /** How long a push may take to arrive. */
  receiveMs: number;
}

const HTTP_STATUS: Readonly<Record<string, number>> = {
  "not-found": 404,
  forbidden: 403,
  "invalid-input": 400,
  exhausted: 429,
};

export type GitHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Serves what lies below `/git/`. */
export function createGitHandler(options: GitHandlerOptions): GitHandler {
  return async (request, response) => {
    try {
      const workspace = await authenticate(options, request.headers.authorization);
      if (workspace === undefined) {
        refuse(response, 401, "This push token is not valid (any more): ask the coordinator for the workspace again.");
        return;
      }
      await serve(options, { request, response, workspace });
    } catch (error) {
      if (!(error instanceof SpellError) || error.code === "internal") throw error;
      if (response.headersSent) {
        response.destroy();
        return;
      }
      refuse(response, HTTP_STATUS[error.code] ?? 503, messageOf(error));
    }
  };
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  workspace: WorkspaceRecord;
}

async function serve(options: GitHandlerOptions, { request, response, workspace }: Exchange): Promise<void> {
  const { repositories, git, maxBytes } = options;
  const [place = "", query = ""] = (request.url ?? "").split("?", 2);
  const [, id, path] = /^\/git\/(\d{1,15})\.git\/(.+)$/.exec(place) ?? [];
  if (id === undefined || Number(id) !== workspace.id) throw notFound("There is no such repository.");
  const service = new URLSearchParams(query).get("service") ?? path;
  if (service === "git-upload-pack") {
    throw new SpellError("forbidden", "Code is pushed to Spell, it cannot be fetched or cloned from here.");
  }
  const isAdvertise = request.method === "GET" && path === "info/refs" && service === "git-receive-pack";
  const isReceive = request.method === "POST" && path === "git-receive-pack";
  if (!isAdvertise && !isReceive) throw notFound("There is no such repository.");
  // Made when the workspace was; a folder that was lost since is no reason to refuse a push.
  await repositories.make(workspace.id);
  const backend: Omit<BackendRequest, "what"> = {
    ...{ git, maxBytes, gitDir: repositories.gitDir(workspace.id), userName: workspace.owner },
    answer: (head, body) => {
      response.writeHead(head.status, head.headers);
      // A client that leaves does not end git: what it does is done sooner than undone.
      pipeline(body, response, { end: false }).catch(() => body.resume());
    },
  };
  if (isAdvertise) {
    // After a push that is still being sorted: its branch would refuse this one.
    await repositories.change(workspace.id, () => repositories.keepPushed(workspace.id));
    finish(response, await runHttpBackend({ ...backend, what: { kind: "advertise" } }));
    return;
  }
  const limits = { folder: repositories.incoming, maxBytes, deadlineMs: options.receiveMs };
  await using body = await receiveBody(request, limits).catch((error: unknown) => {
    if (!(error instanceof SpellError)) throw error;
    refuseAsGit(response, error.message);
    return undefined;
  });
  if (body === undefined) return;
  await repositories.change(workspace.id, async () => {
    const what = { kind: "receive", body: body.file.fd, bodyBytes: body.sizeBytes } as const;
    const end = await runHttpBackend({ ...backend, what });
    // Before the client hears the end: what it does next finds everything in order.
    await repositories.keepPushed(workspace.id);
    finish(response, end);
  });
}

/** Git that ended without an answer is our fault. */
function finish(response: ServerResponse, end: { stderr: string }): void {
  if (response.headersSent) {
    response.end();
    return;
  }
  throw new SpellError("internal", `git http-backend said nothing (${gitSentence(end.stderr)}).`);
}

async function authenticate(
  { store, tokens }: GitHandlerOptions,
  authorization: string | undefined,
): Promise<WorkspaceRecord | undefined> {
  const encoded = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? "")?.[1];
  const given = Buffer.from(encoded ?? "", "base64").toString("utf8");
  const [userName, token = ""] = given.split(":", 2);
  const id = tokens.read(token);
  const workspace = id === undefined ? undefined : await store.workspaces.find(id);
  return workspace?.owner === userName ? workspace : undefined;
}

/** Git shows the text of an error only when it comes in its own form: a fatal message beside the answer. */
function refuseAsGit(response: ServerResponse, sentence: string): void {
  if (response.destroyed) return;
  const message = Buffer.from(`\u0003${sentence}\n`);
  const length = (message.length + 4).toString(16).padStart(4, "0");
  response.writeHead(200, {
    "content-type": "application/x-git-receive-pack-result",
    ...(response.req.complete ? {} : { connection: "close" }),
  });
  response.end(Buffer.concat([Buffer.from(length), message, Buffer.from("0000")]));
}

function refuse(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    // What of the body has not come is not read.
    ...(response.req.complete ? {} : { connection: "close" }),
    ...(status === 401 ? { "www-authenticate": 'Basic realm="Spell", charset="UTF-8"' } : {}),
  });
  response.end(`${sentence}\n`);
}
