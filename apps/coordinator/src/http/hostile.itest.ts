import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Server } from "node:http";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { connectAgent } from "../test-support/agent.ts";
import { ask, newRun } from "../test-support/api.ts";
import { exchange, openRaw } from "../test-support/raw-http.ts";
import type { World } from "../test-support/world.ts";
import { openWorld } from "../test-support/world.ts";

/** What every refusal looks like: the historical clients crash on anything that is not a string. */
const REFUSAL = { status: "error", error: expect.stringMatching(/\S/), code: expect.stringMatching(/^[a-z-]+$/) };

// One coordinator gets all of it: what it survives must not have weakened it either.
let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** The head of a request with Ann's token; the blank line is left to the caller. */
function head(world: World, line: string, ...headers: string[]): string {
  return [`${line} HTTP/1.1`, "Host: spell", `Authorization: Bearer ${world.ann}`, ...headers].join("\r\n") + "\r\n";
}

/** The status and JSON body of every answer on a connection. */
function answersIn(received: string): { status: number; body: unknown }[] {
  return received
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .filter((answer) => answer !== "")
    .map((answer) => {
      const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
      return { status: Number(answer.slice(9, 12)), body: JSON.parse(body) as unknown };
    });
}

describe("a body", () => {
  const deep = `{"command":"x","params":${"[".repeat(50_000)}${"]".repeat(50_000)}}`;

  it.each([
    ["that is not JSON", "{nope", 400],
    ["that is empty", "", 400],
    ["that is a list", "[]", 400],
    ["that is null", "null", 400],
    ["that is a number", "1e999", 400],
    ["that names a prototype", '{"command":"x","__proto__":{"admin":true}}', 400],
    ["with a prototype deep inside", '{"command":"x","environment_vars":{"__proto__":"x"}}', 400],
    ["nested deeply", deep, 400],
    ["with half of a character", '{"command":"\\ud800"}', 200],
  ])("%s", async (_what, body, expected) => {
    const answer = await ask(world, "runs/ann", { method: "POST", body });
    expect(answer.status).toBe(expected);
    if (expected !== 200) expect(answer.body).toEqual(REFUSAL);
  });

  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "nonsense",
    "application/json; =",
  ])("of type %s", async (type) => {
    const answer = await ask(world, "runs/ann", { body: "command=x", headers: { "content-type": type } });
    expect([400, 415]).toContain(answer.status);
    expect(answer.body).toEqual(REFUSAL);
  });

  it("with values of wrong types is refused by the name of the field, never bent into shape", async () => {
    const wrong: Record<string, unknown[]> = {
      command: [5, true, {}, ["x"]],
      gpu: [0, ["CPU"]],
      cwd: [1],
      description: [1],
      commit_label: [[]],
      workflow_id: ["1", 1.5, true, [1]],
      labels: ["x", [1], [null], {}],
      environment_vars: [[], "A=1", { A: 1 }, { A: null }, { A: { B: "x" } }, { "A\nB": {} }],
      attached_resources: [[], "runs/1", { "runs/1": "/data" }, { "runs/1\n": null }, { "runs/1": { mount_point: 1 } }],
      run_type: [1],
    };
    for (const [field, values] of Object.entries(wrong)) {
      for (const value of values) {
        const answer = await ask(world, "runs/ann", { body: { command: "x", [field]: value } });
        const error = expect.stringMatching(new RegExp(`^body/${field}.* must be `, "s"));
        expect(answer).toEqual({ status: 400, body: { status: "error", error, code: "bad-request" } });
      }
    }
    const id = await newRun(world);
    for (const [verb, body] of [
      ["logs", { offset: "0" }],
      ["logs", { offset: 1.5 }],
      ["logs", { follow: "yes" }],
      ["wait_status", {}],
      ["wait_status", { statuses: "complete" }],
      ["wait_status", { statuses: [1] }],
    ] as const) {
      const answer = await ask(world, `runs/ann/${id}/${verb}`, { body });
      expect(answer, JSON.stringify(body)).toEqual({ status: 400, body: REFUSAL });
    }
  });

  it("that is too large is refused in our form, whether its length is told before or not", async () => {
    const tooLarge = { status: "error", error: "Request body is too large", code: "bad-request" };
    const told = head(world, "POST /v1/runs/ann", "Content-Type: application/json", "Content-Length: 99999999999");
    expect(answersIn(await exchange(world, `${told}\r\n{`))).toEqual([{ status: 413, body: tooLarge }]);
    expect(await ask(world, "runs/ann", { body: " ".repeat(17 * 1024 * 1024) })).toEqual({
      status: 413,
      body: tooLarge,
    });
    using sender = await openRaw(
      world,
      `${head(world, "POST /v1/runs/ann", "Content-Type: application/json", "Transfer-Encoding: chunked")}\r\n`,
    );
    const chunk = `100000\r\n${" ".repeat(0x100000)}\r\n`;
    for (let sent = 0; sent < 17; sent++) sender.socket.write(chunk);
    await sender.sees(/ 413 .*too large/s);
    expect((await ask(world, "users/me")).status).toBe(200);
  });
});

describe("a run", () => {
  it("may have the longest command that a program can be given, and none that is longer", async () => {
    const create = (command: string) => ask(world, "runs/ann", { body: { command } });
    expect((await create(`: ${"x".repeat(128 * 1024 - 3)}`)).status).toBe(200);
    const longer = await create(`: ${"x".repeat(200_000)}`);
    const error = expect.stringContaining("The command is longer than 131071 bytes");
    expect(longer).toEqual({ status: 400, body: { status: "error", error, code: "too-long" } });
    expect(await create("a\0b")).toMatchObject({ status: 400, body: { code: "nul-byte" } });
  });

  it("gets its environment as it was given, whatever is in it", async () => {
    using agent = await connectAgent(world);
    const values = {
      ...{ LINES: "a\nb\r\n", UNICODE: "grüße \u{1f600} \u2028", EQUALS: "a=b=c", EMPTY: "", SPACE: " x " },
      ...{ "with space": "1", ünï: "2", "new\nline": "3", constructor: "4", SPELL_RUN_ID: "mine" },
    };
    const id = await newRun(world, { environment_vars: values });
    const { spec } = await agent.stream.attemptOf(id);
    // What Spell itself sets cannot be overridden: the programs inside find Spell by it.
    expect(spec?.environment).toMatchObject({ ...values, SPELL_RUN_ID: `${id}` });
    for (const name of ["A=B", "=", "", "A\0B"]) {
      const answer = await ask(world, "runs/ann", { body: { command: "x", environment_vars: { [name]: "1" } } });
      expect(answer).toEqual({ status: 400, body: { ...REFUSAL, code: "bad-environment" } });
    }
  });

  it("may have ten thousand labels", async () => {
    const labels = Array.from({ length: 10_000 }, (_, index) => `label ${index}`);
    const id = await newRun(world, { labels });
    const { body } = await ask(world, `runs/ann/${id}`);
    const run = body["run"] as { labels: { name: string }[] };
    expect(run.labels.map((label) => label.name)).toEqual(labels);
  });
});

describe("a path", () => {
  const ids = [
    "1e9",
    "-1",
    "99999999999999999999",
    "999999999999999",
    "0",
    "1.0",
    "0x1",
    "%20 1",
    "%00",
    "1%0a",
    "%2F..",
    "١",
  ];

  it.each(ids)("with %j for an id", async (id) => {
    for (const path of [`runs/ann/${id}`, `workflows/ann/${id}`]) {
      const answer = await ask(world, path);
      expect(answer).toEqual({ status: expect.toSatisfy((status) => status === 400 || status === 404), body: REFUSAL });
    }
  });

  it.each([
    ["GET", "/", 404],
    ["GET", "/v1", 404],
    ["GET", "/v2/users/me", 404],
    ["GET", "/v1/nonsense", 404],
    ["POST", "/v1/workflows/ann", 400],
    ["DELETE", "/v1/runs/ann/1", 409],
    ["DELETE", "/v1/runs/ann/99", 404],
    ["DELETE", "/v1/runs/ann/x", 400],
    ["PUT", "/v1/runs/ann", 404],
    ["PROPFIND", "/v1/users/me", 404],
    ["GET", "/v1/runs/ann/../../users/me", 404],
    ["GET", "/v1/runs/..%2F..%2Fbob/1", 404],
    ["GET", "/v1/runs/ann%00/1", 404],
    ["GET", `/v1/runs/ann/${"9".repeat(500)}`, 414],
    ["GET", "/v1/runs/ann/%zz", 400],
    ["GET", "/v1/runs/ann/%ff", 400],
    ["GET", "http://elsewhere.example/v1/users/me", 200],
    ["GET", "/v1/users/me?page_size=1&&=%zz#x", 200],
  ])("%s %s", async (method, path, status) => {
    const [answer] = answersIn(await exchange(world, `${head(world, `${method} ${path}`, "Connection: close")}\r\n`));
    expect(answer).toEqual({ status, body: status === 200 ? expect.any(Object) : REFUSAL });
  });

  it("in the object store that nobody signed", async () => {
    for (const path of ["/store/packs/x", "/store/%2e%2e/coordinator/secrets.json", "/store/"]) {
      const raw = await exchange(world, `${head(world, `GET ${path}`, "Connection: close")}\r\n`);
      expect(raw).toMatch(/^HTTP\/1\.1 (400|403) /);
    }
    expect((await ask(world, "users/me")).status).toBe(200);
  });
});

describe("a connection", () => {
  it.each([
    ["no request at all", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 a TLS greeting\r\n\r\n", 400],
    ["an unknown method", "BREW /v1/users/me HTTP/1.1\r\nHost: spell\r\n\r\n", 400],
    ["no Host", "GET /v1/users/me HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
    ["a NUL in a header", "GET /v1/users/me HTTP/1.1\r\nHost: spell\r\nX: a\0b\r\n\r\n", 400],
    ["a newline in a header", "GET /v1/users/me HTTP/1.1\r\nHost: spell\r\nX: a\n\rb\r\n\r\n", 400],
    ["a header that is too large", `GET / HTTP/1.1\r\nHost: spell\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    ["two lengths", "POST /v1/runs/ann HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400],
    [
      "a length and chunks",
      "POST /v1/runs/ann HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
    ],
  ])("with %s is refused and closed", async (_what, bytes, status) => {
    expect(await exchange(world, bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect((await ask(world, "users/me")).status).toBe(200);
  });

  it("says in our form what is wrong with a request that is none", async () => {
    const [answer] = answersIn(await exchange(world, "NONSENSE\r\n\r\n"));
    const body = { status: "error", error: "This is no HTTP request.", code: "bad-request" };
    expect(answer).toEqual({ status: 400, body });
  });

  it("goes on after a refusal: requests sent ahead are answered in their order", async () => {
    const get = (path: string, ...headers: string[]) => `${head(world, `GET /v1/${path}`, ...headers)}\r\n`;
    const wrong = `${head(world, "POST /v1/runs/ann", "Content-Type: application/json", "Content-Length: 14")}\r\n`;
    const sent = [
      ...[get("runs/ann/99"), get("users/me"), `${wrong}{"command": 5}`, get("nonsense"), get("runs/ann/x")],
      get("users/me", "Connection: close"),
    ];
    const answers = answersIn(await exchange(world, sent.join("")));
    expect(answers.map((answer) => answer.status)).toEqual([404, 200, 400, 404, 400, 200]);
  });

  it("may take its time with a large object", async () => {
    const limits: number[] = [];
    const note = (message: unknown): void => void limits.push((message as { server: Server }).server.requestTimeout);
    subscribe("http.server.request.start", note);
    onTestFinished(() => void unsubscribe("http.server.request.start", note));
    await ask(world, "users/me");
    expect(limits).toEqual([0]);
  });

  it("is kept open long enough for a client that pauses", async () => {
    using client = await openRaw(world, `${head(world, "GET /v1/users/me")}\r\n`);
    await client.sees(/\r\nKeep-Alive: timeout=72\r\n/i);
  });

  it("that breaks in the middle of a body leaves nothing behind", async () => {
    const begun = head(world, "POST /v1/runs/ann", "Content-Type: application/json", "Content-Length: 1000");
    using client = await openRaw(world, `${begun}\r\n{"command":`);
    const before = (await ask(world, "runs/ann?page_size=1000")).body;
    client.socket.destroy();
    expect((await ask(world, "runs/ann?page_size=1000")).body).toEqual(before);
  });
});
