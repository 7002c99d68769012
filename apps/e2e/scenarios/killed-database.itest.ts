/** A farm whose record is in PostgreSQL: the database and the coordinator are killed while a run is under way. */
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { startPostgres, waitFor } from "@spell/testing";
import { expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { listRuns, readLog, userLines } from "../support/records.ts";

const COUNT = 200;
const counting = `for i in $(seq 1 ${COUNT}); do echo line $i; sleep 0.02; done | tee lines.txt`;
const counted = Array.from({ length: COUNT }, (_, index) => `line ${index + 1}`);

test("nothing is lost or doubled, and the password stands nowhere", { timeout: 120_000 }, async () => {
  await using database = await startPostgres();
  await using farm = await Farm.start({ env: { SPELL_DATABASE: await database.createDatabase() } });
  const code = join(farm.folder, "code");
  mkdirSync(code);
  using followed = farm.startSpell(["run", counting], { cwd: code });
  await followed.sees("line 20\n");
  await database.process.stop("SIGKILL");
  await followed.sees("line 60\n");
  await database.startAgain();
  await farm.killAndWait("coordinator");

  const { exitCode, stdout, stderr } = await followed.done;
  expect(exitCode, stderr).toBe(0);
  expect(stdout.match(/^line \d+$/gm)).toEqual(counted);
  const last = await farm.spell(["run", "-m", "runs/1/lines.txt:lines.txt", "tail -n 1 lines.txt"], { cwd: code });
  expect(last.stdout, last.stderr).toContain(`line ${COUNT}\n`);
  const runs = await listRuns(farm.place);
  expect(runs.map(({ status, attempt }) => [status, attempt])).toEqual([
    ["complete", 1],
    ["complete", 1],
  ]);
  expect(userLines(await readLog(farm.place, 1))).toEqual(counted);
  // Without the database an empty record would take its place, and all that is stored would be garbage.
  await farm.stop();
  const wrong = await farm.spell(["up", "--data", farm.data], { env: { SPELL_DATABASE: "" } });
  expect(wrong).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/record .+ is in database t\w+ at 127/) });
  const logs = readdirSync(join(farm.data, "logs")).map((name) => readFileSync(join(farm.data, "logs", name), "utf8"));
  expect(logs.join("")).toContain("coordinator ready");
  expect(logs.join("") + farm.said()).not.toContain(database.password);
  await waitFor("the sessions to end", async () => {
    const sessions = await database.query("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'spell%'");
    return sessions.length === 0;
  });
});
