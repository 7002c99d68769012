/** Two coordinators as a cluster has them; the one that leads is killed or stopped while runs, scripts and readers are under way. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, startMinio, startNats, startPostgres, tempFolder, waitFor } from "@spell/testing";
import type { RunningCommand } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { listRuns, readLog, userLines } from "../support/records.ts";
import type { SpellPlace } from "../support/spell.ts";
import { spell, startSpell } from "../support/spell.ts";

const COUNT = 400;
/** About ten seconds: longer than a takeover. */
const counting = `for i in $(seq 1 ${COUNT}); do echo line $i; sleep 0.02; done | tee lines.txt`;
const counted = Array.from({ length: COUNT }, (_, index) => `line ${index + 1}`);
/** A worker that lasts over the takeover, and one that mounts what it wrote. */
const master = `
import spell.client
client = spell.client.from_environment()
run = client.runs.new(command=${JSON.stringify(counting)})
print("launched", run.id)
run.wait_status(*client.runs.FINAL)
run.refresh()
print("it is", run.status, run.user_exit_code)
last = client.runs.new(command="tail -n 1 lines.txt", attached_resources={f"runs/{run.id}/lines.txt": "lines.txt"})
last.wait_status(client.runs.COMPLETE)
for line in last.logs(follow=True):
    if line.status == client.runs.RUNNING and not line.status_event:
        print(line)
`;

interface Seat {
  command: RunningCommand;
  data: string;
  grpc: string;
  /** Of the coordinator itself, not of the command that supervises it. */
  pid(): number;
}

async function takeOverInTheMiddle(fault: "SIGKILL" | "SIGSTOP"): Promise<void> {
  await using folder = await tempFolder("spell-takeover-");
  await using database = await startPostgres();
  await using minio = await startMinio();
  await using nats = await startNats();
  const common = {
    ...{ SPELL_DATABASE: await database.createDatabase(), SPELL_NATS: nats.url, SPELL_NATS_TOKEN: nats.token },
    ...{
      SPELL_S3_ENDPOINT: minio.endpoint,
      SPELL_S3_ACCESS_KEY: minio.accessKey,
      SPELL_S3_SECRET_KEY: minio.secretKey,
    },
  };
  const place: SpellPlace = { login: join(folder.path, "login") };
  const started: RunningCommand[] = [];
  const keep = (command: RunningCommand): RunningCommand => {
    started.push(command);
    return command;
  };
  const seat = async (name: string): Promise<Seat> => {
    const data = join(folder.path, name);
    const [grpc, http] = [await freePort(), await freePort()];
    const args = ["coordinator", "start", "--data", data, "--grpc-port", `${grpc}`, "--http-port", `${http}`];
    const command = keep(startSpell({ ...place, env: common }, args));
    const pid = (): number => Number(readFileSync(join(data, "coordinator", "coordinator.pid"), "utf8").split(" ")[0]);
    return { command, data, grpc: `127.0.0.1:${grpc}`, pid };
  };
  try {
    const first = await seat("first");
    await first.command.sees("Coordinator at");
    const second = await seat("second");
    await second.command.sees(`Standing by at ${second.grpc}: ${first.grpc} leads.`);
    const { userToken, joinToken } = JSON.parse(
      readFileSync(join(first.data, "coordinator", "login.json"), "utf8"),
    ) as Record<string, string>;
    const addresses = `${first.grpc},${second.grpc}`;
    expect(await spell(place, ["login", "--coordinator", addresses, "--token", userToken ?? ""])).toMatchObject({
      exitCode: 0,
    });
    // It is told of one, and learns of the other.
    const agentData = join(folder.path, "agent");
    const agentArgs = ["agent", "start", "--coordinator", first.grpc, "--token", joinToken ?? "", "--data", agentData];
    const agent = keep(startSpell(place, agentArgs));
    await agent.sees("Connected as");
    await waitFor("the agent to know both", () =>
      readFileSync(join(agentData, "coordinators.json"), "utf8").includes(second.grpc),
    );
    const code = join(folder.path, "code");
    mkdirSync(code);
    writeFileSync(join(code, "master.py"), master);
    using followed = startSpell(place, ["run", counting], { cwd: code });
    await followed.sees("line 20\n");
    using workflow = startSpell(place, ["workflow", "python master.py"], { cwd: code });
    await workflow.sees("launched 3\n");
    using reader = startSpell(place, ["logs", "-f", "3"]);
    await reader.sees("line 20\n");

    const stopped = first.pid();
    // Started again at once it would be known for its former self and lead on: its machine is lost as a whole.
    if (fault === "SIGKILL") first.command.signal("SIGKILL");
    process.kill(stopped, fault);
    await second.command.sees("Coordinator at");
    if (fault === "SIGSTOP") {
      process.kill(stopped, "SIGCONT");
      await first.command.sees(`Standing by at ${first.grpc}: ${second.grpc} leads.`);
    }

    const runResult = await followed.done;
    expect(runResult.exitCode, runResult.stderr).toBe(0);
    expect(runResult.stdout.match(/^line \d+$/gm)).toEqual(counted);
    const workflowResult = await workflow.done;
    expect(workflowResult.stdout).toContain(`launched 3\nit is complete 0\nline ${COUNT}\n`);
    expect((await reader.done).stdout.match(/^line \d+$/gm)).toEqual(counted);
    const runs = await listRuns(place);
    expect(runs.map(({ id, status, user_exit_code, attempt }) => [id, status, user_exit_code, attempt])).toEqual(
      [1, 2, 3, 4].map((id) => [id, "complete", 0, 1]),
    );
    expect(userLines(await readLog(place, 1))).toEqual(counted);
    expect(userLines(await readLog(place, 3))).toEqual(counted);
    if (fault === "SIGSTOP") {
      expect(first.command.stderr()).toContain("The coordinator ended with exit code 75 and is started again.");
    }
  } finally {
    for (const command of started.toReversed()) {
      command.signal("SIGTERM");
      await command.done;
    }
  }
}

describe("a leader that fails while runs and their readers are under way", { timeout: 120_000 }, () => {
  test.each(["SIGKILL", "SIGSTOP"] as const)("%s: nothing is lost and nothing doubled", takeOverInTheMiddle);
});
