/** Connections to object stores, kept for the next exchange. */
import http from "node:http";
import https from "node:https";

/** Shorter than servers keep an idle connection, so that none is used again that the server is just closing. */
const IDLE_SOCKET_MS = 4_000;
/** More than are ever in use at once. An idle connection keeps no process alive. */
const MOST_SOCKETS = 16;
const AGENT_OPTIONS = { keepAlive: true, timeout: IDLE_SOCKET_MS, maxSockets: MOST_SOCKETS };
const agents = { http: new http.Agent(AGENT_OPTIONS), https: new https.Agent(AGENT_OPTIONS) };

/** Begins a request over a connection that is kept. */
export function startRequest(
  url: string,
  options: { method: "GET" | "PUT"; headers: http.OutgoingHttpHeaders },
): http.ClientRequest {
  return url.startsWith("https:")
    ? https.request(url, { ...options, agent: agents.https })
    : http.request(url, { ...options, agent: agents.http });
}

/** Of an answer; what it says beyond that is not of interest, and a server must not fill the memory. */
const ANSWER_CHARACTERS = 2_000;

/** The beginning of what an answer says. */
export async function textOf(response: http.IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of response.setEncoding("utf8")) {
    if (text.length < ANSWER_CHARACTERS) text += (part as string).slice(0, ANSWER_CHARACTERS);
  }
  return text;
}
