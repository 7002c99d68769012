/** What goes wrong in a world, and when: chosen by chance, over after a while, and at the end all at once. */
import type { Member, Scene } from "../simulation.ts";
import type { SimProcess } from "../world/world.ts";
import { recorded } from "../invariants/record-view.ts";
import { COORDINATOR } from "../parts/coordinator.ts";

/** Effects that a process lives through at most before a kill that comes in the middle of something. */
const EFFECTS = 400;
/** A longer standstill than this is noticed by a coordinator, which then blames nobody for it. */
const NOTICED_STANDSTILL_MS = 10_000;

export class Faults {
  readonly #scene: Scene;
  #ceased = false;
  /** How many there were. */
  count = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
    const { world, calm } = scene;
    world.onKilled = (process) => this.#died(process);
    const number = calm ? 0 : world.random.whole(0, 9);
    for (let index = 0; index < number; index++) {
      world.after(world.random.between(0, scene.busyMs), "fault", () => this.#strike(), "nobody");
    }
  }

  /** Nothing goes wrong any more: everything is healed and started again. Idempotent. */
  cease(): void {
    if (this.#ceased) return;
    this.#ceased = true;
    const { world, network, bus, objects, members } = this.#scene;
    world.history.tell("the faults end");
    network.healAll();
    Object.assign(bus, { isAway: false, lossy: 0 });
    objects.isAway = false;
    for (const { machine } of members) machine.disk.failure = undefined;
    for (const process of this.#processes()) {
      process.killAtEffect = undefined;
      this.#resume(process);
    }
    this.#startDead();
  }

  #strike(): void {
    if (this.#ceased) return;
    this.count++;
    const { random } = this.#scene.world;
    const strikes = [
      () => this.#killCoordinator(),
      () => this.#killCoordinator(),
      () => this.#killAgent(),
      () => this.#killAgent(),
      () => this.#cutPower(),
      () => this.#standStill(this.#scene.coordinator),
      () => this.#standStill(this.#member().process),
      () => this.#partition(),
      () => this.#partition(),
      // So long that its agent counts as lost, and comes back.
      () => this.#partition(random.between(28_000, 50_000)),
      () => this.#reset(),
      () => this.#slowNetwork(),
      () => this.#bus(),
      () => this.#store(),
      () => this.#stepClock(),
    ];
    random.pick(strikes)?.();
  }

  #killCoordinator(): void {
    if (this.#scene.coordinator !== undefined) this.#kill(this.#scene.coordinator);
  }

  #killAgent(): void {
    const { process } = this.#member();
    if (process !== undefined) this.#kill(process);
  }

  /** Now, or at one of the next things it does. */
  #kill(process: SimProcess): void {
    const { world } = this.#scene;
    if (world.random.chance(0.7)) {
      process.killAtEffect = world.random.whole(0, EFFECTS);
      world.history.tell(`${process.name} will be killed in the middle of something`);
      return;
    }
    world.kill(process);
    this.#died(process);
  }

  /** Somebody starts it again, soon or later. */
  #died(process: SimProcess): void {
    const { world, ledger } = this.#scene;
    const { random } = world;
    world.history.tell(`${process.name} is killed`);
    if (process === this.#scene.coordinator) ledger.listeningSinceMs = undefined;
    const awayMs = random.chance(0.7) ? random.between(5, 2_000) : random.between(2_000, 50_000);
    world.after(awayMs, "restart", () => this.#startDead(process), "nobody");
  }

  /** Starts what is dead; with `only`, if it is the present life of its part. */
  #startDead(only?: SimProcess): void {
    const scene = this.#scene;
    const isDue = (process: SimProcess | undefined): boolean =>
      process?.alive === false && (only === undefined || only === process);
    if (isDue(scene.coordinator)) scene.startCoordinator();
    for (const member of scene.members) if (isDue(member.process)) scene.startAgent(member);
  }

  #cutPower(): void {
    const { world, ledger } = this.#scene;
    const { machine, process } = this.#member();
    world.history.tell(`${machine.name} loses its power`);
    if (process !== undefined) {
      world.kill(process);
      this.#died(process);
    }
    machine.powerCut();
    // Also of those that have ended: what their agents wrote of it may be gone.
    for (const command of ledger.commands) {
      if (command.host === machine.name && recorded(command.runId)?.ended === false) command.machineLost = true;
    }
  }

  #standStill(process: SimProcess | undefined): void {
    const { world } = this.#scene;
    if (process?.alive !== true || process.paused !== undefined) return;
    world.pause(process);
    process.pausedAtMs = world.nowMs;
    world.history.tell(`${process.name} stands still`);
    this.#later(this.#someTime(), () => this.#resume(process));
  }

  #resume(process: SimProcess): void {
    const { world, coordinator, ledger } = this.#scene;
    if (process.paused === undefined) return;
    world.resume(process);
    world.history.tell(`${process.name} goes on`);
    const stoodStillMs = world.nowMs - (process.pausedAtMs ?? 0);
    if (process === coordinator && stoodStillMs > NOTICED_STANDSTILL_MS) ledger.listeningSinceMs = world.nowMs;
  }

  #partition(lastsMs = this.#someTime()): void {
    const { world, network, userHost } = this.#scene;
    const { random } = world;
    const host = random.chance(0.8) ? this.#member().machine.name : userHost.name;
    const directions: [string, string][] = [
      [host, COORDINATOR],
      [COORDINATOR, host],
    ];
    const cut = random.chance(0.6) ? directions : [random.pick(directions) ?? [host, COORDINATOR]];
    for (const [from, to] of cut) {
      world.history.tell(`nothing gets from ${from} to ${to}`);
      network.cut(from, to);
    }
    this.#later(lastsMs, () => {
      for (const [from, to] of cut) {
        world.history.tell(`the way from ${from} to ${to} is free`);
        network.heal(from, to);
      }
    });
  }

  #reset(): void {
    const { world, network, userHost } = this.#scene;
    const host = world.random.chance(0.7) ? this.#member().machine.name : userHost.name;
    world.history.tell(`the connections of ${host} are reset`);
    network.reset(host, COORDINATOR);
  }

  #slowNetwork(): void {
    const { world, network } = this.#scene;
    world.history.tell("the network is slow");
    network.slownessMs = 400;
    this.#later(this.#someTime(), () => (network.slownessMs = 0));
  }

  #bus(): void {
    const { world, bus } = this.#scene;
    const kind = world.random.pick(["is away", "loses messages", "forgets everything"] as const);
    world.history.tell(`the event bus ${kind}`);
    if (kind === "is away") bus.isAway = true;
    if (kind === "loses messages") bus.lossy = 0.5;
    if (kind === "forgets everything") bus.forget();
    this.#later(this.#someTime(), () => Object.assign(bus, { isAway: false, lossy: 0 }));
  }

  #store(): void {
    const { world, objects } = this.#scene;
    world.history.tell("the object store is away");
    objects.isAway = true;
    this.#later(this.#someTime(), () => (objects.isAway = false));
  }

  #stepClock(): void {
    const { world, coordinatorHost, members } = this.#scene;
    const hosts = [coordinatorHost, ...members.map(({ machine }) => machine)];
    const host = world.random.pick(hosts) ?? coordinatorHost;
    host.clockOffsetMs += world.random.between(-3_600_000, 3_600_000);
    world.history.tell(`the clock of ${host.name} is wrong by ${Math.round(host.clockOffsetMs / 1_000)} s`);
  }

  #member(): Member {
    const { world, members } = this.#scene;
    const member = world.random.pick(members);
    if (member === undefined) throw new Error("a world has an agent");
    return member;
  }

  #processes(): SimProcess[] {
    const { coordinator, members } = this.#scene;
    return [coordinator, ...members.map(({ process }) => process)].filter((each) => each !== undefined);
  }

  #someTime(): number {
    const { random } = this.#scene.world;
    return random.chance(0.6) ? random.between(10, 5_000) : random.between(5_000, 60_000);
  }

  #later(delayMs: number, run: () => void): void {
    this.#scene.world.after(delayMs, "relief", () => (this.#ceased ? undefined : run()), "nobody");
  }
}
