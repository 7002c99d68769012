import { describe, expect, it } from "vitest";
import { Passwords, checkPassword } from "./passwords.ts";

const passwords = new Passwords({ N: 1024, r: 8, p: 1 });

describe("a password", () => {
  it("is known by its hash, which differs each time and does not contain it", async () => {
    const [one, two] = [await passwords.hash("tall orange cat"), await passwords.hash("tall orange cat")];
    expect(one).toMatch(/^scrypt\$1024\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
    expect(one).not.toBe(two);
    expect(await passwords.verify("tall orange cat", one)).toBe(true);
    expect(await passwords.verify("tall orange cat", two)).toBe(true);
    for (const wrong of ["", "tall orange ca", "tall orange cat ", "Tall orange cat", "tall orange cat\0"]) {
      expect(await passwords.verify(wrong, one), wrong).toBe(false);
    }
  });

  it("typed with the same letters in another form is the same", async () => {
    const hash = await passwords.hash("caf\u00e9 au lait");
    expect(await passwords.verify("cafe\u0301 au lait", hash)).toBe(true);
  });

  it("that was hashed at another cost is still known", async () => {
    const hash = await new Passwords({ N: 2048, r: 4, p: 2 }).hash("tall orange cat");
    expect(await passwords.verify("tall orange cat", hash)).toBe(true);
  });

  it("of nobody is never right", async () => {
    for (const password of ["", "tall orange cat", "x".repeat(100_000)]) {
      expect(await passwords.verify(password, undefined)).toBe(false);
    }
  });

  it("has 8 characters to 1024 bytes", () => {
    for (const fine of ["12345678", "🦊🦊🦊🦊🦊🦊🦊🦊", "x".repeat(1024)]) checkPassword(fine);
    for (const bad of ["", "1234567", "🦊🦊🦊🦊🦊🦊🦊", "x".repeat(1025), "12345678\0"]) {
      expect(() => checkPassword(bad)).toThrow(expect.objectContaining({ reason: "bad-password" }));
    }
  });

  it("costs what keeps a stolen record safe unless told otherwise", async () => {
    expect(await new Passwords().hash("tall orange cat")).toMatch(/^scrypt\$32768\$8\$3\$/);
  });
});
