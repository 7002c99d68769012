/** The bugs that are planted, one at a time, to see that the simulation finds them. */
import type { PlantedBug } from "./planted-bug.ts";

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: "fencing-off",
    breaks: "a report of an attempt that was given up is taken for the present one's",
    file: "libs/run-lifecycle/src/apply-report.ts",
    find: `    run.attempt === lease.attempt &&
    run.leaseToken === lease.leaseToken &&
    run.agentId === lease.agentId
`,
    replace: "    lease.attempt > 0\n",
    within: 1_500,
  },
  {
    name: "boot-ignored",
    breaks: "after a restart of the machine the agent starts again what it had started before",
    file: "apps/agent/src/attempt.ts",
    find: "this.#journal.record.bootId !== this.#services.bootId",
    replace: "false",
    within: 100,
  },
  {
    name: "adoption-forgotten",
    breaks: "an agent that starts again does not look for the commands that it left running",
    file: "apps/agent/src/attempt.ts",
    find: "this.#execution = await this.#services.executor.adopt(this.attemptDir);\n      this.#execution ??=",
    replace: "this.#execution =",
    within: 50,
  },
  {
    name: "published-before-commit",
    breaks: "news of an assignment goes out before it is in the record",
    file: "libs/run-lifecycle/src/dispatcher.ts",
    find: "    const assigned = await this.#deps.store.updateRun(",
    replace:
      "    this.#deps.changes.publish({ ...run, version: run.version + 1 });\n    const assigned = await this.#deps.store.updateRun(",
    within: 20,
  },
  {
    name: "acknowledged-before-commit",
    breaks: "the record says that a write is durable while its transaction is still open",
    file: "libs/run-store/src/sqlite/group-commit.ts",
    find: `      this.#db.exec("BEGIN IMMEDIATE");
      for (const write of group) settled.push(this.#runOne(write));
      this.#db.exec("COMMIT");`,
    replace: `      if (!this.#db.isTransaction) this.#db.exec("BEGIN IMMEDIATE");
      for (const write of group) settled.push(this.#runOne(write));
      if (Math.random() < 0.3) this.#db.exec("COMMIT");`,
    within: 100,
  },
  {
    name: "lease-not-renewed",
    breaks: "hearing an agent does not renew its leases",
    file: "libs/run-lifecycle/src/leases.ts",
    find: "    this.#heard.set(agentId, this.#nowMs());",
    replace: "    if (!this.#heard.has(agentId)) this.#heard.set(agentId, this.#nowMs());",
    within: 50,
  },
  {
    name: "numbers-begin-anew",
    breaks: "the log of an attempt is numbered from 0 again when its agent starts again",
    file: "apps/agent/src/logs/entry-source.ts",
    find: "this.#position = { ...options.from, notices:",
    replace: "this.#position = { ...options.from, number: 0, notices:",
    within: 100,
  },
  {
    name: "archived-before-stored",
    breaks: "a segment of a log is recorded while its bytes are still on the way to the store",
    file: "apps/coordinator/src/rpc/agent-service.ts",
    find: "if (comesAlong) await services.objects.put(objectKey, content);",
    replace: "if (comesAlong) void services.objects.put(objectKey, content).catch(() => undefined);",
    within: 100,
  },
  {
    name: "segments-cut-anew",
    breaks: "after a restart the archiver forgets where it had planned to cut segments",
    file: "apps/agent/src/logs/archiver.ts",
    find: "    this.#live = options.state.cuts.at(-1) ?? options.state.done;",
    replace: "    options.state.cuts = [];\n    this.#live = options.state.done;",
    within: 300,
  },
  {
    name: "slot-freed-early",
    breaks: "the slot of a run that is being stopped is given to the next",
    file: "libs/run-lifecycle/src/dispatcher.ts",
    find: `taken: (taken.get(session.agentId) ?? []).map((run) => ({`,
    replace: `taken: (taken.get(session.agentId) ?? []).filter((run) => run.requested === undefined).map((run) => ({`,
    within: 50,
  },
  {
    name: "client-key-ignored",
    breaks: "a creation that is repeated makes another run",
    file: "apps/coordinator/src/rpc/run-service.ts",
    find: "create.run(principal, wanted, request.clientKey)",
    replace: 'create.run(principal, wanted, "")',
    within: 20,
  },
  {
    name: "outputs-of-the-killed",
    breaks: "what a run had stored before it was killed is shown",
    file: "libs/run-lifecycle/src/apply-report.ts",
    find: `if (effects.has("publish-outputs") && result.outputTree !== undefined)`,
    replace: `if (result.outputTree !== undefined)`,
    within: 500,
  },
  {
    name: "retried-for-ever",
    breaks: "the limit of a retry policy is not kept",
    file: "libs/domain/src/retry.ts",
    find: "attempt.number > policy.limit ||",
    replace: "",
    within: 50,
  },
  {
    name: "outputs-not-waited-for",
    breaks: "an attempt ends while its outputs are still being stored",
    file: "apps/agent/src/attempt.ts",
    find: 'const outputTree = saves ? await this.#saveOutputs(execution) : "";',
    replace: 'const outputTree = saves ? await Promise.race([this.#saveOutputs(execution), ""]) : "";',
    within: 20,
  },
  {
    name: "log-not-waited-for",
    breaks: "an attempt ends before its last lines are archived",
    file: "apps/agent/src/logs/log-shipper.ts",
    find: "    await this.#archiver.finish();\n",
    replace: "    void this.#archiver.finish().catch(() => undefined);\n",
    within: 50,
  },
];
