import { describe, expect, it } from "vitest";
import { startPostgres } from "./postgres.ts";

describe("startPostgres", () => {
  it("serves databases that survive its death, until it is stopped", async () => {
    await using server = await startPostgres();
    const url = await server.createDatabase();
    const name = new URL(url).pathname.slice(1);
    await server.query("CREATE TABLE kept (n INT); INSERT INTO kept VALUES (7)", name);
    expect(await server.query("SHOW fsync")).toEqual([{ fsync: "on" }]);
    await server.process.stop("SIGKILL");
    await expect(server.query("SELECT 1")).rejects.toThrow();
    await server.startAgain();
    expect(await server.query("SELECT n FROM kept", name)).toEqual([{ n: 7 }]);
    await server.stop();
    await server.stop();
    await expect(server.query("SELECT 1")).rejects.toThrow();
  }, 90_000);
});
