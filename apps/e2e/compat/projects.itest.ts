/** Runs put in order: projects, labels, archives; and several runs ended by one command. */
import { expect } from "vitest";
import { area } from "./support/scenario.ts";

const CLIENT = "import spell.client\nclient = spell.client.from_environment()\n";

area("projects", {}, ({ scenario }) => {
  scenario("projects", async ({ cli, python }) => {
    await cli("list none", ["project", "list"]);
    await cli("a run", ["run", "-f", "echo one"]);
    expect((await cli("create", ["project", "create", "-n", "first"])).exitCode).toBe(0);
    await cli("create with a run", ["project", "create", "-n", "second", "-d", "some words", "-r", "1"]);
    expect((await cli("create again", ["project", "create", "-n", "FIRST"])).exitCode).toBe(1);
    await cli("run in it", ["run", "-f", "-p", "first", "echo two"]);
    await cli("run in a new one", ["run", "-f", "-p", "third", "echo three"], { input: "y\n" });
    expect((await cli("list", ["project", "list"])).stdout).toMatch(/first[^]*second|second[^]*first/);
    expect((await cli("get", ["project", "get", "second"])).stdout).toContain("some words");
    expect((await cli("get none", ["project", "get", "nope"])).exitCode).toBe(1);
    expect((await cli("add from another", ["project", "add-runs", "first", "1"])).exitCode).toBe(1);
    expect((await cli("remove", ["project", "remove-runs", "second", "1"])).exitCode).toBe(0);
    expect((await cli("remove again", ["project", "remove-runs", "second", "1"])).exitCode).toBe(1);
    expect((await cli("add", ["project", "add-runs", "first", "1"])).exitCode).toBe(0);
    expect((await cli("ps", ["ps", "-p", "first"])).stdout).toMatch(/^1 [^]*^2 /m);
    expect((await cli("edit", ["project", "edit", "first", "-n", "renamed", "-d", "more words"])).exitCode).toBe(0);
    expect((await cli("get renamed", ["project", "get", "renamed"])).stdout).toContain("more words");
    expect((await cli("info", ["info", "1"])).stdout).toMatch(/^Project +renamed$/m);
    expect((await cli("archive", ["project", "archive", "renamed"])).exitCode).toBe(0);
    expect((await cli("list archived", ["project", "list", "--archived"])).stdout).toContain("renamed");
    expect((await cli("list without", ["project", "list"])).stdout).not.toContain("renamed");
    expect((await cli("unarchive", ["project", "unarchive", "renamed"])).exitCode).toBe(0);
    await cli("unarchive again", ["project", "unarchive", "renamed"]);
    const { stdout } = await python(
      "library",
      `${CLIENT}project = next(each for each in client.api.list_projects() if each.name == "renamed")
print(client.api.get_project(project.id).description)
print([run.id for run in client.runs.list(project="renamed")])
print(client.runs.new(command="true", project="renamed").project.name)
`,
    );
    expect(stdout).toBe("more words\n[2, 1]\nrenamed\n");
  });

  scenario("labels and archives", async ({ cli, python }) => {
    const begin = (step: string) => cli(step, ["run", "-f", "-b", "sleep 600"]);
    await begin("one");
    await begin("two");
    await python("begin", `${CLIENT}for number in (5, 6): client.runs.get(number).wait_status(client.runs.RUNNING)`);
    expect((await cli("label", ["label", "5", "good"])).exitCode).toBe(0);
    await cli("label again", ["label", "5", "good"]);
    expect((await cli("ps", ["ps", "-l", "good"])).stdout).not.toMatch(/^6 /m);
    await cli("ps -v", ["ps", "-v", "-l", "good"]);
    await cli("info", ["info", "5"]);
    expect((await cli("remove", ["label", "5", "good", "--remove"])).exitCode).toBe(0);
    await cli("remove again", ["label", "5", "good", "--remove"]);
    const said = await cli("stop several", ["stop", "5", "6", "1", "77"]);
    expect(said.stdout).toMatch(/finished: 1\n[^]*exist: 77\n[^]*stopping: 5 6\./);
    await python(
      "wait",
      `${CLIENT}for number in (5, 6): client.runs.get(number).wait_status(*client.runs.FINAL)
`,
    );
    await cli("kill several", ["kill", "5", "6", "77"]);
    await cli("archive one", ["archive", "1"]);
    expect((await cli("archive again", ["archive", "1"])).exitCode).toBe(1);
    await cli("archive several", ["archive", "5", "6", "77"]);
    await cli("ps at the end", ["ps"]);
    await python(
      "library",
      `${CLIENT}run = client.runs.new(command="true", labels=["a", "b"])
run.add_label("c")
run.remove_label("a")
run.refresh()
print(sorted(run.labels), [each.id for each in client.runs.list(labels=["c"])] == [run.id])
`,
    );
  });
});
