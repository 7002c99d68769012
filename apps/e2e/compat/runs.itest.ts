/** Runs and their streams, as scripts and as the command line ask for them. */
import { userInfo } from "node:os";
import { expect } from "vitest";
import { area } from "./support/scenario.ts";

/** A script's opening lines. */
const CLIENT = "import spell.client\nclient = spell.client.from_environment()\n";

area("runs", {}, ({ scenario }) => {
  scenario("the command line", async ({ cli }) => {
    expect(await cli("whoami", ["whoami"])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining(`${userInfo().username}@localhost`),
    });
    const first = await cli("run", ["run", "-f", "echo hello; echo world"]);
    expect(first).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Casting spell #1…") });
    expect(first.stdout).toContain("✨ Run is running\nhello\nworld\n");
    expect(first.stdout).toMatch(/🎉 Run 1 complete\n$/);
    expect((await cli("run that fails", ["run", "-f", "exit 66"])).exitCode).toBe(0);
    expect((await cli("run in the background", ["run", "-f", "-b", "sleep 600"])).exitCode).toBe(0);
    expect((await cli("stop", ["stop", "3"])).exitCode).toBe(0);
    expect((await cli("logs -f", ["logs", "-f", "3"])).stdout).toMatch(/Run 3 stopped/);
    await cli("run to kill", ["run", "-f", "-b", "sleep 600"]);
    expect((await cli("kill", ["kill", "4"])).exitCode).toBe(0);
    await cli("logs of the killed", ["logs", "-f", "4"]);
    await cli("last lines", ["logs", "-n", "2", "1"]);
    await cli("ps", ["ps"]);
    await cli("ps --raw", ["ps", "--raw"]);
    await cli("info", ["info", "1"]);
    expect((await cli("no such run", ["logs", "99"])).exitCode).toBe(1);
    expect((await cli("stop an ended run", ["stop", "1"])).exitCode).toBe(1);
    expect((await cli("unknown machine type", ["run", "-f", "-t", "H100", "true"])).exitCode).toBe(2);
    expect((await cli("no command", ["run"])).exitCode).toBe(2);
  });

  scenario("a script", async ({ python }) => {
    const { stdout } = await python(
      "life of a run",
      `${CLIENT}
run = client.runs.new(command="echo one; echo two >&2; exit 3", envvars={"A": "b"}, labels=None, attached_resources=None)
print(run.status, run.already_existed, run.command, run.gpu)
print([line.log for line in run.logs(follow=True) if line.status == client.runs.RUNNING and not line.status_event])
try:
    run.wait_status(client.runs.COMPLETE)
except Exception as error:
    print(type(error).__name__, error)
run.refresh()
print(run.status, run.user_exit_code, run.run.creator.user_name, run.environment_vars, run.labels)
print([str(line) for line in run.logs(offset=-2)])
print([each.id for each in client.runs.list(number=2)] == [run.id, run.id - 1])
print(client.runs.get(run.id).id == run.id, client.api.owner, client.active_workflow)
print(repr(run))
sleeper = client.runs.new(command="sleep 600")
sleeper.wait_status(client.runs.RUNNING)
sleeper.stop()
sleeper.wait_status(*client.runs.FINAL)
sleeper.refresh()
print(sleeper.status)
sleeper = client.runs.new(command="sleep 600", machine_type="cpu")
sleeper.kill()
sleeper.wait_status(*client.runs.FINAL)
sleeper.refresh()
print(sleeper.status)
`,
    );
    expect(stdout).toContain(`failed 3 ${userInfo().username}`);
    expect(stdout).toMatch(/\nstopped\nkilled\n$/);
  });

  scenario("parameters and identical runs", async ({ python }) => {
    const { stdout } = await python(
      "ask",
      `${CLIENT}
request = dict(command="echo :lr: :NAME:", params={"lr": 0.5, "NAME": "x y"}, idempotent=True)
first = client.runs.new(**request)
first.wait_status(client.runs.COMPLETE)
second = client.runs.new(**request)
other = client.runs.new(**dict(request, command="echo :lr: :NAME:!"))
print(first.already_existed, second.already_existed, second.id == first.id, other.id == first.id)
print(first.command, first.hyper_params)
print([line.log for line in first.logs() if line.status == client.runs.RUNNING and not line.status_event])
`,
    );
    expect(stdout).toMatch(/^False True True False\n/);
  });
});
