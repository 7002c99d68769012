import { SpellError } from "@spell/domain";
import { describe, expect, test } from "vitest";
import { refuseWholeHome } from "./code/code-root.ts";
import { placeLabels, placesInside } from "./code/place-labels.ts";
import { parseGithubRepoOption } from "./code/github-repo-option.ts";
import { parseRepoOption } from "./code/repo-option.ts";
import { exitCodeOf } from "./exit-codes.ts";
import { checkMachineType } from "./machine-type-option.ts";
import { parseMountOption } from "./mount-option.ts";
import { errorText } from "./output/error-text.ts";
import { parseId } from "./run-id.ts";
import { batchLines, failureOf } from "./end-runs.ts";
import { hintsOf } from "./old-options.ts";
import { parseParams } from "./param-option.ts";
import { backoffText, parseRetry } from "./retry-option.ts";
import { readOptions } from "./run-request.ts";
import { checkCodeOptions, joinCommand, parseEnvironment } from "./shared-options.ts";
import { parseStopConditions } from "./stop-condition-option.ts";

/** The exit code and message of a refusal. */
function refusal(action: () => unknown): { exitCode: number; message: string } {
  try {
    action();
  } catch (error) {
    return { exitCode: exitCodeOf(error), message: errorText(error, { json: false }) };
  }
  throw new Error("it was not refused");
}

test("environment: values may contain =, or be missing", () => {
  expect(parseEnvironment(["A=1", "B=x=y", "C", "D=", "E=ü\n"])).toEqual({ A: "1", B: "x=y", C: "", D: "", E: "ü\n" });
  expect(refusal(() => parseEnvironment(["=1"])).exitCode).toBe(3);
});

test("command words are joined by single spaces", () => {
  expect(joinCommand(["python", "x.py", "a b"])).toBe("python x.py a b");
  expect(refusal(() => joinCommand([" ", ""])).exitCode).toBe(3);
});

test("mounts", () => {
  expect(parseMountOption("runs/7/save")).toEqual({ resource: "runs/7/save" });
  expect(parseMountOption("runs/7/save:/data/save")).toEqual({ resource: "runs/7/save", mountPoint: "/data/save" });
  expect(parseMountOption("s3://bucket/x:y")).toEqual({ resource: "s3://bucket/x", mountPoint: "y" });
  expect(parseMountOption("runs/7/save:")).toEqual({ resource: "runs/7/save" });
  for (const bad of ["", ":x", "a:b:c"]) expect(refusal(() => parseMountOption(bad)).exitCode).toBe(3);
});

test("machine types: case is ignored, several at once, the rest is a wrong choice", () => {
  for (const good of ["cpu", "V100", "v100X4"]) expect(() => checkMachineType(good, ["CPU", "V100"])).not.toThrow();
  for (const bad of ["H100", "V100x0", "x4", ""]) {
    expect(refusal(() => checkMachineType(bad, ["CPU", "V100"]))).toEqual({
      exitCode: 2,
      message: `invalid choice: ${bad} (choose from CPU, V100)`,
    });
  }
});

test("ids", () => {
  expect(parseId("335")).toBe(335);
  for (const bad of ["", "0", "-1", "1.5", "abc", "1e3", "9".repeat(30)])
    expect(refusal(() => parseId(bad)).exitCode).toBe(2);
});

test("code is from here or from a git URL, not from both", () => {
  expect(() => checkCodeOptions({ commitRef: "main~1" })).not.toThrow();
  expect(() => checkCodeOptions({ githubUrl: "https://x/y", githubRef: "v1" })).not.toThrow();
  expect(refusal(() => checkCodeOptions({ githubRef: "v1" }))).toMatchObject({
    exitCode: 3,
    message: expect.stringContaining("--github-ref needs --github-url"),
  });
  expect(refusal(() => checkCodeOptions({ githubUrl: "https://x/y", commitRef: "v1" })).exitCode).toBe(3);
});

test("parameters: numbers only where no letter of the command changes", () => {
  const pairs = [
    "n=5",
    "lr=1e-4",
    "rate=0.10",
    "name=a=b",
    "empty=",
    "big=123456789012345678901",
    "neg=-2.5",
    "x=NaN",
    "keys=é",
  ];
  expect(parseParams(pairs)).toEqual({
    n: 5,
    lr: "1e-4",
    rate: "0.10",
    name: "a=b",
    empty: "",
    big: "123456789012345678901",
    neg: -2.5,
    x: "NaN",
    keys: "é",
  });
  for (const bad of [["lr"], ["=1"], ["a=1", "a=2"]]) expect(refusal(() => parseParams(bad)).exitCode).toBe(3);
});

test("retries", () => {
  expect(parseRetry({})).toBeUndefined();
  expect(parseRetry({ retries: 3 })).toEqual({ limit: 3 });
  expect(parseRetry({ retries: 3, retryOn: "1, 137", retryBackoff: "10s" })).toEqual({
    ...{ limit: 3, exitCodes: [1, 137], firstPauseMs: 10_000 },
  });
  const whole = parseRetry({ retries: 1, retryBackoff: "1.5s,2.5,2h" });
  expect(whole).toEqual({ limit: 1, firstPauseMs: 1_500, factor: 2.5, maxPauseMs: 7_200_000 });
  expect(backoffText({ firstPauseMs: 1_500, factor: 2.5, maxPauseMs: 7_200_000 })).toBe("1500ms,2.5,2h");
  expect(backoffText({ firstPauseMs: 0, factor: 1, maxPauseMs: 90_000 })).toBe("0s,1,90s");
  for (const retryOn of ["", "x", "1,,2", "1.5", "-1", "1;2", "9999"])
    expect(
      refusal(() => parseRetry({ retries: 1, retryOn })),
      retryOn,
    ).toMatchObject({ exitCode: 3 });
  for (const retryBackoff of ["", "10", "10d", "s", "1s,x", "1s,2,3,4", "1s,2,4", "-1s", "1e9s"])
    expect(refusal(() => parseRetry({ retries: 1, retryBackoff })).message).toContain("10s,2,10m");
  expect(refusal(() => parseRetry({ retryOn: "1" })).message).toMatch(/--retry-on needs --retries/);
  expect(refusal(() => parseRetry({ retryBackoff: "1s" })).message).toMatch(/--retry-backoff needs --retries/);
});

test("auto-resume is off unless it is asked for, and when both are said", () => {
  expect(readOptions(["x"], {}).autoResume).toBe(false);
  expect(readOptions(["x"], { autoResume: true }).autoResume).toBe(true);
  expect(readOptions(["x"], { autoResume: true, disableAutoResume: true }).autoResume).toBe(false);
});

test("stop conditions", () => {
  const condition = (metric: string, operator: string, value: number, minIndex = 0) => ({
    metric,
    operator,
    value,
    minIndex,
  });
  expect(parseStopConditions("loss < 0.5")).toEqual([condition("loss", "<", 0.5)]);
  expect(parseStopConditions("keras/val_acc>=1e-1:10&& my loss <= -.5 ")).toEqual([
    condition("keras/val_acc", ">=", 0.1, 10),
    condition("my loss", "<=", -0.5),
  ]);
  for (const bad of [
    "",
    "loss",
    "loss = 3",
    "loss <",
    "< 3",
    "loss < x",
    "loss < 3:x",
    "loss < 3:-1",
    "loss < 1 &&",
    "loss < Infinity",
  ]) {
    expect(refusal(() => parseStopConditions(bad)).exitCode, bad).toBe(3);
  }
});

test("options without meaning become warnings", () => {
  expect(hintsOf({})).toEqual([]);
  expect(hintsOf({ framework: "tensorflow==1.13.1", python3: true, localCaching: true })).toEqual([
    "--framework tensorflow==1.13.1",
    "--python3",
    "--local-caching",
  ]);
});

test("what a run asks for", () => {
  expect(readOptions(["python", "x.py"], { timeout: 5, label: ["a"], idempotent: true })).toMatchObject({
    command: "python x.py",
    timeoutMinutes: 5,
    labels: ["a"],
    idempotent: true,
    hints: [],
  });
  expect(readOptions(["x"], { distributed: "1" }).command).toBe("x");
  expect(refusal(() => readOptions(["x"], { distributed: "2" })).exitCode).toBe(3);
});

test("batches tell what became of each", () => {
  const outcome = {
    done: [1, 2],
    missing: [99],
    refused: [{ id: 5, message: "It has ended." }],
    failed: [{ id: 7, message: "Not from here." }],
  };
  expect(batchLines(outcome, "kill")).toEqual([
    "| Already finished: 5",
    "| Run ID does not exist: 99",
    "| Successfully killed: 1 2",
  ]);
  expect(batchLines(outcome, "stop").slice(2)).toEqual([
    "--------------------------------------",
    "| Successfully stopping: 1 2. Any outputs will be pushed and saved.",
  ]);
  expect(batchLines({ ...outcome, done: [] }, "stop")).toHaveLength(2);
  expect(failureOf(outcome, "stop")?.message).toBe("Failed to stop: 7 (Not from here.)");
  expect(failureOf({ ...outcome, failed: [] }, "stop")).toBeUndefined();
});

test("--repo", () => {
  expect(parseRepoOption("char-rnn=char-rnn-tensorflow/")).toEqual({
    label: "char-rnn",
    typedPath: "char-rnn-tensorflow/",
  });
  for (const bad of ["char-rnn", "=x", "a=", "a=b=c", "a=:HEAD", "a=b:c:d", "a=b:"]) {
    expect(refusal(() => parseRepoOption(bad)).exitCode).toBe(3);
  }
  expect(parseRepoOption("a=b:v1.0")).toEqual({ label: "a", typedPath: "b", ref: "v1.0" });
});

test("--github-repo", () => {
  const parsed = (text: string): unknown => parseGithubRepoOption(text);
  const plain = ["https://h/u/r", "https://h:8080/u/r.git", "ssh://git@h:22/r", "git@h:u/r.git", "https://h"];
  for (const url of plain) expect(parsed(`a=${url}`), url).toEqual({ label: "a", githubUrl: url });
  for (const url of plain.slice(0, 4)) {
    expect(parsed(`a b=${url}:feature/x`), url).toEqual({ label: "a b", githubUrl: url, githubRef: "feature/x" });
  }
  expect(parsed("a=https://h/r?x=1")).toEqual({ label: "a", githubUrl: "https://h/r?x=1" });
  for (const bad of ["a", "=https://h/r", "a=", " =x", "a=https://h/r:"]) {
    expect(refusal(() => parseGithubRepoOption(bad)).exitCode, bad).toBe(3);
  }
});

describe("places below /spell", () => {
  const root = { path: "/home/me/code", name: "code", cwd: "", inGit: false };
  const labelled = (label: string, path: string) => ({ label, path, typedPath: path });

  test("inside the code, the code itself, beside it, twice the same", () => {
    const placement = placeLabels(root, [
      labelled("deep", "/home/me/code/a/b"),
      labelled("a", "/home/me/code/a"),
      labelled("self", "/home/me/code"),
      labelled("far", "/srv/far"),
      labelled("again", "/srv/far"),
      labelled("sibling", "/home/me/code2"),
      labelled("dots", "/home/me/code/..b"),
    ]);
    expect(placement.labels.map(({ path }) => path)).toEqual([
      "code/a/b",
      "code/a",
      "code",
      "far",
      "far",
      "code2",
      "code/..b",
    ]);
    expect(placement.directories.map(({ place }) => place)).toEqual(["far", "code2", "code/a", "code/..b", "code/a/b"]);
    expect(placesInside({ path: root.path, place: "code" }, placement.directories)).toEqual(["a", "..b", "a/b"]);
    expect(placesInside({ path: "/home/me/code/a", place: "code/a" }, placement.directories)).toEqual(["b"]);
  });

  test("two directories of one name cannot lie at one place", () => {
    expect(refusal(() => placeLabels(root, [labelled("x", "/srv/code")])).exitCode).toBe(6);
    expect(refusal(() => placeLabels(root, [labelled("x", "/a/z"), labelled("y", "/b/z")]))).toMatchObject({
      exitCode: 6,
      message: expect.stringContaining("/spell/z"),
    });
  });
});

test("whole homes are refused, folders in them are not", () => {
  for (const path of ["/", "/home/alice", "/home"]) {
    expect(refusal(() => refuseWholeHome(path, { home: "/home/alice" })).exitCode).toBe(3);
  }
  for (const path of ["/home/alice/x", "/home/ali", "/srv"]) {
    expect(() => refuseWholeHome(path, { home: "/home/alice" })).not.toThrow();
  }
});

test("errors say what to do, also as JSON", () => {
  const away = new SpellError("unavailable", "Can't reach Spell at h:1: nothing listens there.", {
    reason: "unreachable",
  });
  expect(errorText(away, { json: false })).toMatch(
    /^Can't reach Spell at h:1: nothing listens there\. Is the coordinator running/,
  );
  // Nobody was called: the advice would lead astray.
  const taken = new SpellError("unavailable", "Cannot serve HTTP on h:1.", { reason: "port-taken" });
  expect(errorText(taken, { json: false })).toBe("Cannot serve HTTP on h:1.");
  const known = new SpellError("unauthenticated", "This token is over: log in again with spell login.");
  expect(errorText(known, { json: false })).toBe(known.message);
  expect(
    JSON.parse(errorText(new SpellError("not-found", "No run 4.", { reason: "no-such-run" }), { json: true })),
  ).toEqual({
    error: { code: "not-found", reason: "no-such-run", message: "No run 4." },
  });
});
