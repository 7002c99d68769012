/** The record of accounts: what users log in with and their public keys. Of passwords and tokens it holds hashes alone. */
import type { UserRecord } from "./records.ts";

/** A user who may log in. */
export interface LoginRecord {
  user: UserRecord;
  /** Absent: no password was set. */
  passwordHash?: string;
}

/** A named token that stands for its user until it is deleted. */
export interface AccessTokenRecord {
  name: string;
  createdAtMs: number;
  /** To the minute or so. */
  lastUsedAtMs?: number;
}

export interface NewPublicKey {
  userName: string;
  title: string;
  /** Algorithm, base64 of the key, comment: one line as OpenSSH writes it. */
  publicKey: string;
  /** `SHA256:` and unpadded base64, as `ssh-keygen -l` prints it. */
  fingerprint: string;
  createdAtMs: number;
}

export interface PublicKeyRecord extends NewPublicKey {
  id: number;
}

/** Each method is one transaction, durable when it resolves; what they reject with besides is said in run-store.ts. */
export interface AccountStore {
  /** Throws already-exists (`user-name-taken`, `email-taken`), letter case ignored. */
  createUser(user: UserRecord, passwordHash: string): Promise<void>;
  /** In order of name. */
  listUsers(): Promise<UserRecord[]>;
  /** By user name, else by e-mail; letter case is ignored. */
  findLogin(identity: string): Promise<LoginRecord | undefined>;
  /** Ends all sessions of the user but `keptSession`. False: there is no such user. */
  setPassword(change: { userName: string; passwordHash: string; keptSession?: string }): Promise<boolean>;

  /** A token that a login made, by its hash. */
  addSession(session: { hash: string; userName: string; createdAtMs: number }): Promise<void>;
  /** False: this token is no session (any more). */
  endSession(hash: string): Promise<boolean>;

  /** Throws already-exists (`access-token-exists`) when the user has one of that name. */
  addAccessToken(token: { hash: string; userName: string; name: string; createdAtMs: number }): Promise<void>;
  /** Oldest first. */
  listAccessTokens(userName: string): Promise<AccessTokenRecord[]>;
  /** False: the user has none of that name. */
  removeAccessToken(userName: string, name: string): Promise<boolean>;
  /** Remembers that the access token was used. */
  touchAccessToken(hash: string, atMs: number): Promise<void>;

  /** Throws already-exists (`key-exists`) when the user has this key. */
  addKey(key: NewPublicKey): Promise<PublicKeyRecord>;
  /** Oldest first. */
  listKeys(userName: string): Promise<PublicKeyRecord[]>;
  findKey(userName: string, id: number): Promise<PublicKeyRecord | undefined>;
  /** False: the user has no such key. */
  removeKey(userName: string, id: number): Promise<boolean>;
}
