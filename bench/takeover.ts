/** How long a farm of two coordinators takes no writes when the leader is killed, stopped, or cut off from the database. */
import { setTimeout as delay } from "node:timers/promises";
import { SpellClient } from "@spell/sdk";
import { TcpRelay } from "@spell/testing";
import { Coordinators } from "../apps/coordinator/src/test-support/coordinators.ts";
import type { Member } from "../apps/coordinator/src/test-support/coordinators.ts";
import type { Figure } from "./figure.ts";
import { atMost, durations, figureTable } from "./figure.ts";
import type { Bench, Section } from "./measurement.ts";

/** Samples of each fault. */
const ROUNDS = 10;
/** Longer than the leader waits between two beats, so that faults come at any moment of them. */
const SETTLE_MS = 1_500;

interface Fault {
  name: string;
  /** What is wrong with the leader from now on. */
  begin(leader: Member, relay: TcpRelay): void;
  /** What has to be undone before it is started again. */
  end(leader: Member, relay: TcpRelay): void;
}

const FAULTS: readonly Fault[] = [
  { name: "leader killed", begin: (leader) => leader.signal("SIGKILL"), end: () => undefined },
  {
    name: "leader stopped",
    begin: (leader) => leader.signal("SIGSTOP"),
    end: (leader) => leader.signal("SIGCONT"),
  },
  {
    name: "leader cut off from the database",
    begin: (_leader, relay) => (relay.passage = "swallow"),
    end: (_leader, relay) => {
      relay.passage = "pass";
      relay.cut();
    },
  },
  { name: "leader ended in order", begin: (leader) => leader.signal("SIGTERM"), end: () => undefined },
];

/** On a farm of its own, whose client knows both addresses and creates runs one after the other. */
export async function measureTakeover(bench: Bench): Promise<Section[]> {
  const figures: Figure[] = [];
  for (const fault of FAULTS) figures.push(await measureFault(bench, fault));
  return [{ title: "Takeover", lines: figureTable(figures), figures }];
}

async function measureFault(bench: Bench, fault: Fault): Promise<Figure> {
  const { signal } = bench;
  await using farm = await Coordinators.prepare();
  // Each reaches the database by a way of its own.
  const ways = [await wayTo(farm), await wayTo(farm)];
  try {
    let [leading, other] = await startBoth(farm, ways);
    using client = new SpellClient({ token: farm.login.userToken, coordinator: farm.addresses });
    const samples: number[] = [];
    for (let round = bench.samples(ROUNDS); round > 0; round -= 1) {
      await delay(SETTLE_MS * (1 + Math.random()), undefined, { signal });
      await client.runs.create({ command: "true" }, { signal });
      const atMs = performance.now();
      fault.begin(leading.member, leading.relay);
      await client.runs.create({ command: "true" }, { signal });
      samples.push(performance.now() - atMs);
      await other.member.leads();
      fault.end(leading.member, leading.relay);
      await leading.member.ended();
      await farm.start(leading.member, { url: leading.url });
      await leading.member.standsBy();
      [leading, other] = [other, leading];
    }
    const figure = durations(`${fault.name} → the next write is accepted`, samples);
    return { ...figure, bar: atMost(figure, { p50: 5_000, p99: 5_000 }) };
  } finally {
    for (const { relay } of ways) await relay[Symbol.asyncDispose]();
  }
}

interface Way {
  relay: TcpRelay;
  url: string;
}

async function wayTo(farm: Coordinators): Promise<Way> {
  const relay = await TcpRelay.start({ host: "127.0.0.1", port: farm.database.port });
  return { relay, url: farm.url.replace(`:${farm.database.port}/`, `:${relay.port}/`) };
}

type Candidate = Way & { member: Member };

async function startBoth(farm: Coordinators, ways: readonly Way[]): Promise<[leader: Candidate, other: Candidate]> {
  const members: Candidate[] = [];
  for (const way of ways) {
    const member = await farm.start(undefined, { url: way.url });
    await (members.length === 0 ? member.leads() : member.standsBy());
    members.push({ ...way, member });
  }
  const [leader, other] = members;
  if (leader === undefined || other === undefined) throw new Error("there are two ways");
  return [leader, other];
}
