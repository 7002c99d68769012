/** A label gives workers the master's directory as it is at the moment of the call. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { listRuns } from "../support/records.ts";

const script = `
import os, subprocess
import spell.client
client = spell.client.from_environment()

def worker(command, **more):
    run = client.runs.new(command=command, **more)
    run.wait_status(*client.runs.FINAL)
    run.refresh()
    return [run.status] + [line.log for line in run.logs() if line.status == "running" and not line.status_event]

print("where", sorted(os.listdir("/spell")), sorted(os.listdir("tools")))
print("first", worker("cat version.txt; ls; pwd", commit_label="tools"))
open("tools/version.txt", "w").write("two\\n")
open("tools/new.txt", "w").write("new\\n")
os.remove("tools/old.txt")
print("second", worker("cat version.txt new.txt; ls", commit_label="tools"))
print("beside", worker("ls; pwd", commit_label="far"))
print("none", worker("ls; pwd"))
try:
    worker("true", commit_label="other")
except Exception as error:
    print("refused", type(error).__name__, error)
# The command line works in the master, too, and joins the workflow.
print("cli", subprocess.run(["spell", "run", "-b", "echo from the command line"], capture_output=True, text=True).stdout.split())
`;

test("changed, new and removed files reach the worker; a label that does not exist is refused by name", async () => {
  let code = "";
  await using farm = await Farm.start((folder) => {
    code = join(folder, "code");
    for (const [path, text] of Object.entries({
      "code/script.py": script,
      "code/tools/version.txt": "one\n",
      "code/tools/old.txt": "old\n",
      "elsewhere/far/f.txt": "f",
    })) {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return {};
  });
  const repos = ["--repo", "tools=tools", "--repo", "far=../elsewhere/far"];
  const { stdout, exitCode } = await farm.spell(["workflow", ...repos, "python script.py"], { cwd: code });
  expect(exitCode).toBe(0);
  const said = stdout.split("\n");
  expect(said).toEqual(
    expect.arrayContaining([
      "where ['code', 'far'] ['old.txt', 'version.txt']",
      "first ['complete', 'one', 'old.txt', 'version.txt', '/spell/tools']",
      "second ['complete', 'two', 'new', 'new.txt', 'version.txt']",
      "beside ['complete', 'f.txt', '/spell/far']",
      "none ['complete', '/spell']",
    ]),
  );
  expect(stdout).toMatch(/^refused BadRequest Workflow 1 has no label "other" \(its labels: tools, far\)/m);
  expect(stdout).toMatch(/^cli .*'spell', '#6…'/m);
  expect((await listRuns(farm.place)).map(({ id, run_type }) => [id, run_type])).toEqual([
    [1, "workflow"],
    ...[2, 3, 4, 5, 6].map((id) => [id, "user"]),
  ]);
});
