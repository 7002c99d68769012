import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LoginAttempts } from "./login-attempts.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const wrong = async () => false;
const right = async () => true;
const stopped = { code: "exhausted", reason: "too-many-attempts" };

describe("attempts to log in", () => {
  it("are ten for one user from one address, until ten minutes are over", async () => {
    const attempts = new LoginAttempts();
    const ann = { identity: "ann", address: "10.0.0.1" };
    for (let each = 0; each < 10; each += 1) expect(await attempts.count(ann, wrong)).toBe(false);
    await expect(attempts.count(ann, right)).rejects.toMatchObject(stopped);
    await expect(attempts.count({ ...ann, identity: "ANN" }, right)).rejects.toThrow("try again in 10 minutes");
    expect(await attempts.count({ ...ann, address: "10.0.0.2" }, right)).toBe(true);
    expect(await attempts.count({ ...ann, identity: "bob" }, right)).toBe(true);
    await vi.advanceTimersByTimeAsync(600_001);
    expect(await attempts.count(ann, right)).toBe(true);
  });

  it("that are right are forgiven, with the wrong ones before", async () => {
    const attempts = new LoginAttempts();
    const ann = { identity: "ann", address: "10.0.0.1" };
    for (let round = 0; round < 30; round += 1) {
      for (let each = 0; each < 3; each += 1) await attempts.count(ann, wrong);
      expect(await attempts.count(ann, right)).toBe(true);
    }
  });

  it("are a hundred from one address, whoever is guessed", async () => {
    const attempts = new LoginAttempts();
    const from = (address: string, user: number) => ({ identity: `user${user}`, address });
    for (let user = 0; user < 100; user += 1) await attempts.count(from("10.0.0.1", user), wrong);
    await expect(attempts.count(from("10.0.0.1", 200), right)).rejects.toMatchObject(stopped);
    expect(await attempts.count(from("10.0.0.2", 200), right)).toBe(true);
  });

  it("without a user count for the address alone", async () => {
    const attempts = new LoginAttempts();
    for (let each = 0; each < 100; each += 1) await attempts.count({ address: "10.0.0.1" }, wrong);
    await expect(attempts.count({ address: "10.0.0.1" }, right)).rejects.toMatchObject(stopped);
  });

  it("count also when they fail otherwise, and when all come at once", async () => {
    const attempts = new LoginAttempts();
    const ann = { identity: "ann", address: "10.0.0.1" };
    const failing = Promise.reject(new Error("the record is away"));
    failing.catch(() => undefined);
    await expect(attempts.count(ann, () => failing)).rejects.toThrow("the record is away");
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => attempts.count(ann, wrong)));
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(9);
  });
});
