/** How real scripts write it: what users were seen to do with the historical client, each idiom with both clients. */
import { userInfo } from "node:os";
import { expect } from "vitest";
import { area } from "./support/scenario.ts";

const CLIENT = `import spell.client
from spell.client.runs import Run, RunsService
client = spell.client.from_environment()
def tried(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__ + ": " + str(error)
def finished(**request):
    run = client.runs.new(**request)
    run.wait_status(*client.runs.FINAL)
    run.refresh()
    return run
def printed(run):
    return [line.log for line in run.logs() if line.status == client.runs.RUNNING and not line.status_event]
`;

/** Shell lines, and what a run prints of them. */
const COMMANDS: readonly (readonly [command: string, printed: readonly string[]])[] = [
  ["echo a && echo b", ["a", "b"]],
  ["false || echo or; echo then", ["or", "then"]],
  ["echo `echo ticks` $(echo dollar)", ["ticks dollar"]],
  ["for i in 1 2 3; do echo $i; done", ["1", "2", "3"]],
  ["export A=x; echo $A | tr x y", ["y"]],
  ["cd /tmp && pwd", ["/tmp"]],
  ["pwd; echo $PWD", ["/spell", "/spell"]],
  ["python -c 'import sys\nfor i in range(2):\n    print(\"line\", i)\n'", ["line 0", "line 1"]],
  ["echo grüße 你好 🎉", ["grüße 你好 🎉"]],
  ["printf 'no newline'; printf ' at all'", ["no newline at all"]],
  ["echo out; echo err >&2; wait", ["out", "err"]],
  ["echo \"quoted  'twice'\"", ["quoted  'twice'"]],
  ["echo a\necho b", ["a", "b"]],
  ["echo $GREETING", ["hello"]],
  ["[[ abc == a* ]] && echo bash", ["bash"]],
];

area("idioms", {}, ({ scenario }) => {
  scenario("shell lines", async ({ python }) => {
    const commands = JSON.stringify(JSON.stringify(COMMANDS.map(([command]) => command)));
    const { stdout } = await python(
      "commands",
      `${CLIENT}
import json
runs = [client.runs.new(command=command, envvars={"GREETING": "hello"}) for command in json.loads(${commands})]
for run in runs:
    run.wait_status(client.runs.COMPLETE)
print(json.dumps([printed(run) for run in runs]))
`,
    );
    expect(JSON.parse(stdout)).toEqual(COMMANDS.map(([, lines]) => lines));
  });

  scenario("ends of a command", async ({ python }) => {
    const { stdout } = await python(
      "ends",
      `${CLIENT}
for command in ("exit 0", "exit 3", "no-such-command", "kill -9 $$", "kill -TERM $$", "/etc/passwd"):
    run = finished(command=command)
    print(command, run.status, run.user_exit_code)
`,
    );
    expect(stdout.split("\n").slice(0, -1)).toEqual([
      ...["exit 0 complete 0", "exit 3 failed 3", "no-such-command failed 127"],
      ...["kill -9 $$ failed 137", "kill -TERM $$ failed 143", "/etc/passwd failed 126"],
    ]);
  });

  scenario("waiting", async ({ python }) => {
    const { stdout } = await python(
      "waits",
      `${CLIENT}
run = client.runs.new(command="true")
print(run.wait_status(client.runs.COMPLETE))
print(run.status in ("machine_requested", "building", "running"))
print(run.wait_status(client.runs.RUNNING), run.wait_status(client.runs.BUILDING), run.wait_status(*RunsService.FINAL))
run.refresh()
print(run.status == RunsService.COMPLETE)
failing = client.runs.new(command="false")
print(tried(lambda: failing.wait_status(client.runs.COMPLETE)))
print(tried(lambda: failing.wait_status(client.runs.KILLED, client.runs.STOPPED)))
print(tried(failing.kill))
print(tried(failing.stop))
`,
    );
    expect(stdout).toMatch(/^None\nTrue\nNone None None\nTrue\nWaitError: /);
  });

  scenario("requests", async ({ python }) => {
    const { stdout } = await python(
      "requests",
      `${CLIENT}
nothing = dict(description=None, github_url=None, github_ref=None, commit_label=None, workflow_id=None,
    cwd=None, pip_packages=None, apt_packages=None, requirements_file=None, conda_file=None, docker_image=None,
    envvars=None, attached_resources=None, labels=None, tensorboard_directory=None, distributed=None, params=None,
    timeout=None, auto_resume=None, stop_conditions=None, provider=None, machine_type=None, idempotent=None)
run = finished(command="mkdir d; echo one > d/f; echo two > g", **nothing)
print(run.status, run.gpu, run.labels, run.attached_resources, run.environment_vars)
print(tried(lambda: client.runs.new(command="true", machinetype="CPU")))
print(tried(lambda: client.runs.new(command="true", machine_type="cpu").gpu))
print(tried(lambda: client.runs.new(command="true", machine_type="H100").gpu))
print(tried(lambda: client.runs.new(command="")))
for mounts in ({f"runs/{run.id}/d/f": None}, {f"runs/{run.id}/d": ""}, {f"runs/{run.id}/d/": "x/"}, {f"runs/{run.id}": "all"},
        {f"runs/{run.id}/g": "/data/deep/g.txt", f"runs/{run.id}/d": "other"}):
    print(printed(finished(command="cat f d/f x/f all/d/f /data/deep/g.txt other/f 2>/dev/null; true", attached_resources=mounts)))
print(finished(command="echo :rate:", params={"rate": 2.5}).command)
print(tried(lambda: client.runs.new(command="true", attached_resources={"runs/99/x": "x"})))
print(tried(lambda: client.runs.new(command="true", attached_resources={"nonsense": None})))
`,
    );
    expect(stdout).toContain("['one']\n['one']\n['one']\n['one']\n['two', 'one']\n");
    expect(stdout).toContain("Cannot mount resource");
    expect(stdout).toContain("not a valid resource");
  });

  scenario("objects", async ({ python }) => {
    const { stdout } = await python(
      "objects",
      `${CLIENT}
run = finished(command="echo hi", description="what it is")
again = Run(client.api, client.api.get_run(run.id))
print(again.id == run.id, again.run.status, again.user_exit_code, again.description)
print(client.api.owner, client.active_workflow, spell.client.SpellClient)
print(tried(lambda: run.no_such_attribute))
print(str(run) == repr(run.run), str(run).startswith(f"Run(id={run.id}, status='complete', command='echo hi', creator=User("))
print(run, again.run.creator.user_name, run.run.git_commit_hash, run.created_at.tzinfo is not None, run.ended_at > run.started_at)
print([(line.status, line.status_event, line.level, line.important, str(line) == line.log) for line in run.logs()])
print(sorted(name for name in vars(RunsService) if name.isupper()))
print([getattr(RunsService, name) for name in ("FINAL", "EQUALS", "LESS_THAN_EQUALS", "BUILD_FAILED")])
print(tried(lambda: client.runs.get(99999)))
print([each.id for each in client.runs.list(number=1)] == [run.id])
`,
    );
    expect(stdout).toContain(`True complete 0 what it is\n${userInfo().username} None `);
  });

  scenario("threads on one client", async ({ python }) => {
    const { stdout } = await python(
      "threads",
      `${CLIENT}
import threading
ended = []
def work(number):
    run = finished(command=f"echo {number}")
    ended.append((number, run.status, printed(run)))
threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(ended))
`,
    );
    expect(stdout.match(/'complete'/g)).toHaveLength(6);
  });

  scenario("words of a command line", async ({ cli }) => {
    const lines: readonly (readonly [args: readonly string[], printed: string])[] = [
      [["echo", "a", "-t", "cpu"], "a"],
      [["-e", "A=b=c", "-e", "EMPTY=", "echo $A[$EMPTY]"], "b=c[]"],
      [["echo", "a", "&&", "echo", "b"], "a\nb"],
      [["--", "echo", "--lr", "1"], "--lr 1"],
      [["echo", "--", "-x"], "-x"],
      [["python -c 'print(1)\nprint(2)'"], "1\n2"],
      [["for i in 1 2; do echo `echo $i` $(echo x); done"], "1 x\n2 x"],
      [["-d", "two words", "echo", "grüße"], "grüße"],
    ];
    for (const [args, printed] of lines) {
      const { stdout } = await cli(`run ${args.join(" ")}`.replaceAll("\n", " "), ["run", "-f", ...args]);
      expect(stdout).toContain(`✨ Run is running\n${printed}\n`);
    }
    await cli("unknown option", ["run", "-f", "python", "x.py", "--lr", "1"]);
  });

  scenario("a run that starts another", async ({ client, cli }) => {
    const path = `export PATH='${client.environment["PATH"] ?? ""}' SPELL_QUIET=1`;
    const nested = `spell run -f 'echo by the command line' 2>/dev/null`;
    const script = [
      "import spell.client",
      "client = spell.client.from_environment()",
      `run = client.runs.new(command="echo by a script")`,
      "run.wait_status(client.runs.COMPLETE)",
      `print([line.log for line in run.logs() if line.status == "running" and not line.status_event])`,
    ].join("\n");
    const { stdout } = await cli("run", ["run", "-f", `${path}\n${nested}\npython -c '${script}'`]);
    expect(stdout).toMatch(/\nby the command line\n[^]*\n\['by a script'\]\n/);
    expect((await cli("runs", ["ps", "-n", "2"])).stdout).toContain("by a script");
  });

  // The last: the client of today makes no run of it.
  scenario("keywords of former versions", async ({ python, isHistorical }) => {
    const { stdout } = await python(
      "framework",
      `${CLIENT}print(tried(lambda: client.runs.new(command="true", framework="tensorflow", framework_version=2.2).command))`,
    );
    if (!isHistorical) expect(stdout).toBe("true\n");
  });
});
