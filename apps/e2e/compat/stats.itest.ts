/** What a run uses of its machine, once and followed. */
import { expect } from "vitest";
import { area } from "./support/scenario.ts";

const TABLE = /^CPU statistics for run 1:\nCPU % .*Block I\/O\n\d+\.\d\d% .*\n$/;

area("stats", {}, ({ scenario }) => {
  scenario("stats", async ({ cli, python }) => {
    await cli("a run", ["run", "-f", "-b", "sleep 600"]);
    await python("running", 'import spell.client\nspell.client.from_environment().runs.get(1).wait_status("running")');
    const once = await cli("once", ["stats", "1"]);
    expect(once.exitCode).toBe(0);
    expect(once.stdout).toMatch(TABLE);
    expect((await cli("no such run", ["stats", "99"])).exitCode).toBe(1);
    await cli("kill", ["kill", "1"]);
    await python("killed", 'import spell.client\nspell.client.from_environment().runs.get(1).wait_status("killed")');
    expect((await cli("over", ["stats", "1"])).stdout).not.toContain("CPU");
    expect((await cli("followed to the end", ["stats", "-f", "1"])).stdout).toContain("Run 1 is no longer running");
  });
});
