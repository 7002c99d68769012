/** Passwords as the record keeps them: scrypt with a salt of their own. The cost stands beside each hash, so it may grow. */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { invalidInput } from "@spell/domain";

/** What a guess costs: CPU and memory grow with N and r, CPU alone with p. */
export interface PasswordCost {
  N: number;
  r: number;
  p: number;
}

/** What OWASP names for 32 MiB: a fifth of a second here, and years for whoever steals the record. */
const COST: PasswordCost = { N: 2 ** 15, r: 8, p: 3 };
const MAX_MEMORY = 256 * 1024 * 1024;
const KEY_BYTES = 32;
const MIN_CHARACTERS = 8;
const MAX_BYTES = 1024;

/** Throws invalid-input (`bad-password`) for one that is too short to be a secret or too long to be typed. */
export function checkPassword(password: string): void {
  if ([...password].length < MIN_CHARACTERS) {
    throw invalidInput(`A password has at least ${MIN_CHARACTERS} characters: choose a longer one.`, "bad-password");
  }
  if (isUnusable(password)) {
    throw invalidInput(`A password has at most ${MAX_BYTES} bytes and none that is NUL.`, "bad-password");
  }
}

export class Passwords {
  readonly #cost: PasswordCost;

  /** `cost`: of new hashes; known ones carry theirs. */
  constructor(cost: PasswordCost = COST) {
    this.#cost = cost;
  }

  /** `scrypt$N$r$p$SALT$HASH`. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    const key = await derive(password, salt, this.#cost);
    const { N, r, p } = this.#cost;
    return ["scrypt", N, r, p, salt.toString("base64url"), key.toString("base64url")].join("$");
  }

  /** Whether it is the password of this hash. Without a hash it takes as long and is false: nobody learns who has one. */
  async verify(password: string, hash: string | undefined): Promise<boolean> {
    const [, N, r, p, salt = "", key = ""] = (hash ?? this.#nobody()).split("$");
    const cost = { N: Number(N), r: Number(r), p: Number(p) };
    const tried = isUnusable(password) ? "" : password;
    const actual = await derive(tried, Buffer.from(salt, "base64url"), cost);
    return timingSafeEqual(actual, Buffer.from(key, "base64url")) && hash !== undefined && !isUnusable(password);
  }

  /** A hash of no password: nobody finds one that gives all zeroes. */
  #nobody(): string {
    const { N, r, p } = this.#cost;
    return ["scrypt", N, r, p, "A".repeat(22), "A".repeat(43)].join("$");
  }
}

function derive(password: string, salt: Buffer, cost: PasswordCost): Promise<Buffer> {
  // The same letter can be typed as one code point or two.
  const text = password.normalize("NFKC");
  return new Promise((resolve, reject) => {
    scrypt(text, salt, KEY_BYTES, { ...cost, maxmem: MAX_MEMORY }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

/** Too long, or with a NUL: HMAC, of which scrypt is made, does not tell a NUL at the end from nothing. */
function isUnusable(password: string): boolean {
  return password.includes("\0") || Buffer.byteLength(password) > MAX_BYTES;
}
