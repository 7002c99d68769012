/** Runs `git http-backend` for one request, as a web server does (CGI): fixed arguments, a small environment, its answer. */
import type { Readable } from "node:stream";
import type { GitSettings } from "@spell/spellfs";
import type { GitChildren, GitEnd } from "./git-children.ts";
import { objectChecks } from "./object-checks.ts";

/** What a program says before the body of its answer. */
export interface CgiHead {
  status: number;
  headers: Record<string, string>;
}

export interface BackendRequest {
  git: GitChildren;
  /** The bare repository. */
  gitDir: string;
  userName: string;
  /** Most bytes that a push may bring. */
  maxBytes: number;
  what: { kind: "advertise" } | { kind: "receive"; body: number; bodyBytes: number };
  /** Given the head of the answer; the body follows. */
  answer: (head: CgiHead, body: Readable) => void;
}

/** Only branches are seen and changed, nothing is deleted, everything is checked, nothing runs afterwards. */
function receiveSettings(maxBytes: number): GitSettings {
  return {
    "receive.hideRefs": ["refs/", "!refs/heads/"],
    ...objectChecks("receive"),
    "http.receivepack": "true",
    "http.uploadpack": "false",
    "http.getanyfile": "false",
    "receive.denyDeletes": "true",
    "receive.maxInputSize": String(maxBytes),
    "receive.autogc": "false",
    "receive.updateServerInfo": "false",
    "receive.advertisePushOptions": "false",
    "receive.shallowUpdate": "true",
    "core.logAllRefUpdates": "false",
    "core.bigFileThreshold": "32m",
  };
}

/** Resolves when it has ended. */
export function runHttpBackend(request: BackendRequest): Promise<GitEnd> {
  const { git, gitDir, userName, maxBytes, what, answer } = request;
  const settings = receiveSettings(maxBytes);
  const service = "git-receive-pack";
  const environment: Record<string, string> = {
    GIT_PROJECT_ROOT: gitDir,
    GIT_HTTP_EXPORT_ALL: "1",
    REMOTE_USER: userName,
    REMOTE_ADDR: "",
    ...(what.kind === "advertise"
      ? { REQUEST_METHOD: "GET", PATH_INFO: "/info/refs", QUERY_STRING: `service=${service}` }
      : {
          REQUEST_METHOD: "POST",
          PATH_INFO: `/${service}`,
          CONTENT_TYPE: `application/x-${service}-request`,
          CONTENT_LENGTH: String(what.bodyBytes),
        }),
  };
  const input = what.kind === "receive" ? what.body : undefined;
  return git.run({ args: ["http-backend"], settings, environment, input }, (child) => {
    if (child.stdout !== null) readHead(child.stdout, answer);
  });
}

/** Gives the head as soon as it is there, and the rest as a stream. A program that says nothing gives none. */
function readHead(stdout: Readable, answer: (head: CgiHead, body: Readable) => void): void {
  let read = Buffer.alloc(0);
  const look = (chunk: Buffer): void => {
    read = Buffer.concat([read, chunk]);
    const end = read.indexOf("\r\n\r\n");
    if (end === -1) return;
    stdout.pause().off("data", look);
    stdout.unshift(read.subarray(end + 4));
    answer(parseHead(read.subarray(0, end).toString("latin1")), stdout);
  };
  stdout.on("data", look);
}

/** Pure. */
function parseHead(text: string): CgiHead {
  const head: CgiHead = { status: 200, headers: {} };
  for (const line of text.split("\r\n")) {
    const [name = "", value = ""] = line.split(/:\s*/, 2);
    if (name.toLowerCase() === "status") head.status = Number.parseInt(value, 10) || 500;
    else head.headers[name.toLowerCase()] = value;
  }
  return head;
}
