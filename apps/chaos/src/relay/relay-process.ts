/** The relay as a process on its own machine, which is told its rules over a connection: one line of JSON, answered when it holds. */
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { SpellError } from "@spell/domain";
import { ADDRESSES, BESIDES, PORTS, RELAY } from "../network/addresses.ts";
import { Relay } from "./relay.ts";
import type { RelayRule } from "./rule.ts";

/** First word of the command line. */
export const AS_RELAY = "--as-relay";
export const RELAY_READY = "relay ready";
const ANSWER_MS = 5_000;

const SERVERS = [
  { name: "coordinator", port: PORTS.grpc },
  { name: "coordinator", port: PORTS.http },
  { name: "coordinator2", port: PORTS.grpc },
  { name: "coordinator2", port: PORTS.http },
  { name: "database", port: PORTS.database },
  { name: "store", port: PORTS.store },
  { name: "nats", port: PORTS.nats },
] as const;

/** Serves until it is killed. */
export async function serveAsRelay(say: (line: string) => void): Promise<never> {
  const servers = SERVERS.map(({ name, port }) => ({ ip: ADDRESSES[name].ip, port, behind: BESIDES[name] }));
  const relay = await Relay.listen(servers, Math.random);
  const control = createServer((socket) => {
    socket.on("error", () => undefined);
    const lines = createInterface({ input: socket }).on("error", () => undefined);
    lines.on("line", (line) => {
      relay.follow(JSON.parse(line) as RelayRule[]);
      socket.end("done\n");
    });
  });
  control.listen(PORTS.relay, RELAY.ip, () => say(RELAY_READY));
  return new Promise(() => undefined);
}

/** Tells it its rules. */
export async function tellRelay(rules: readonly RelayRule[]): Promise<void> {
  const socket = connect({ port: PORTS.relay, host: RELAY.ip, timeout: ANSWER_MS });
  socket.write(`${JSON.stringify(rules)}\n`);
  let answer = "";
  await new Promise<void>((resolve, reject) => {
    socket
      .on("data", (chunk: Buffer) => (answer += chunk.toString()))
      .on("end", resolve)
      .on("error", reject);
    socket.on("timeout", () => socket.destroy(new Error("no answer")));
  });
  if (answer !== "done\n") throw new SpellError("internal", `The relay of the trial did not take its rules: ${answer}`);
}
