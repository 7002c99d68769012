/** The record in one SQLite file. Reads are direct; every write goes through the group commit. */
import type { DatabaseSync } from "node:sqlite";
import type { Digest, SpellError } from "@spell/domain";
import { conflict, isFinal } from "@spell/domain";
import type {
  AgentRecord,
  BlobLocation,
  CommittedTree,
  LogDescription,
  LogSegment,
  NewBlob,
  NewRun,
  RunChange,
  RunFilter,
  RunRecord,
  TokenOwner,
  UserRecord,
  WorkflowLabel,
  WorkflowRecord,
} from "../records.ts";
import type { ProjectStore } from "../projects.ts";
import type { AccountStore } from "../accounts.ts";
import type { GarbageStore } from "../garbage.ts";
import type { LinkStore } from "../links.ts";
import type { HyperStore } from "../hyper.ts";
import type { MetricStore } from "../metrics.ts";
import type { ModelStore } from "../models.ts";
import type { MultipartStore } from "../multiparts.ts";
import type { CreatedRun, RunStore } from "../run-store.ts";
import type { UploadStore } from "../uploads.ts";
import { BlobTable } from "./blob-table.ts";
import { SqliteGarbage } from "./sqlite-garbage.ts";
import { GroupCommit } from "./group-commit.ts";
import { openDatabase } from "./open-database.ts";
import { selectQueued } from "./run-queue.ts";
import { selectRuns, selectSameRun } from "./run-lists.ts";
import { changeRun, insertRun, selectRun } from "./run-rows.ts";
import type { RunTables } from "./run-rows.ts";
import { toAgent, toEntry, toRun, toUser, toWorkflow } from "./rows.ts";
import { SqliteAccounts } from "./sqlite-accounts.ts";
import { SqliteProjects } from "./sqlite-projects.ts";
import { SqliteHyper } from "./sqlite-hyper.ts";
import { SqliteWorkspaces } from "./sqlite-workspaces.ts";
import { SqliteLinks } from "./sqlite-links.ts";
import { SqliteMetrics } from "./sqlite-metrics.ts";
import { SqliteModels } from "./sqlite-models.ts";
import { SqliteMultiparts } from "./sqlite-multiparts.ts";
import { SqliteUploads } from "./sqlite-uploads.ts";
import { Statements } from "./statements.ts";

/**
 * Opens (or makes) the record at this path. Throws `unavailable` reason `data-folder` when it cannot, `conflict` for a newer
 * schema, `data-loss` for a file that is damaged or no record.
 */
export function openSqliteRunStore(path: string): RunStore {
  return new SqliteRunStore(openDatabase(path));
}

class SqliteRunStore implements RunStore {
  readonly links: LinkStore;
  readonly metrics: MetricStore;
  readonly accounts: AccountStore;
  readonly projects: ProjectStore;
  readonly workspaces: SqliteWorkspaces;
  readonly models: ModelStore;
  readonly uploads: UploadStore;
  readonly hyper: HyperStore;
  readonly garbage: GarbageStore;
  readonly multiparts: MultipartStore;
  readonly #database: DatabaseSync;
  readonly #db: Statements;
  readonly #group: GroupCommit;
  readonly #blobs: BlobTable;
  readonly #tables: RunTables;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#db = new Statements(database);
    this.#group = new GroupCommit(database);
    this.#blobs = new BlobTable(this.#db);
    this.#tables = { db: this.#db, blobs: this.#blobs };
    this.links = new SqliteLinks(this.#db, this.#group);
    this.metrics = new SqliteMetrics(this.#db, this.#group);
    this.accounts = new SqliteAccounts(this.#db, this.#group);
    this.projects = new SqliteProjects(this.#db, this.#group);
    this.workspaces = new SqliteWorkspaces(this.#db, this.#group, this.#blobs);
    this.models = new SqliteModels(this.#db, this.#group);
    this.uploads = new SqliteUploads(this.#db, this.#group, this.#blobs);
    this.hyper = new SqliteHyper(this.#group, this.#tables);
    this.garbage = new SqliteGarbage(this.#db, this.#group, this.#blobs);
    this.multiparts = new SqliteMultiparts(this.#db, this.#group);
  }

  ensureUser(user: UserRecord): Promise<UserRecord> {
    return this.#group.write(() => {
      this.#db.run(
        "INSERT INTO users (name, email, created_at_ms, operator) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
        ...[user.name, user.email, user.createdAtMs, user.operator === true ? 1 : 0],
      );
      return this.#user(user.name) ?? user;
    });
  }

  async findUser(name: string): Promise<UserRecord | undefined> {
    return this.#user(name);
  }

  addToken(hash: string, owner: TokenOwner, createdAtMs: number): Promise<void> {
    return this.#group.write(() => this.#insertToken(hash, owner, createdAtMs));
  }

  async findToken(hash: string): Promise<TokenOwner | undefined> {
    const row = this.#db.find(
      "SELECT kind, subject, name FROM tokens LEFT JOIN user_tokens USING (hash) WHERE hash = ?",
      hash,
    );
    if (row === undefined) return undefined;
    const subject = row["subject"] as string;
    if (row["kind"] === "user") {
      return { kind: "user", userName: subject, accessToken: (row["name"] as string | null) ?? undefined };
    }
    return row["kind"] === "agent" ? { kind: "agent", agentId: subject } : { kind: "join" };
  }

  joinAgent(joinTokenHash: string, agent: AgentRecord, agentTokenHash: string): Promise<boolean> {
    return this.#group.write(() => {
      if (this.#db.run("DELETE FROM tokens WHERE hash = ? AND kind = 'join'", joinTokenHash) === 0) return false;
      this.#db.run(
        "INSERT INTO agents VALUES (?, ?, ?, ?, ?)",
        agent.id,
        agent.name,
        JSON.stringify(agent.machineTypes),
        agent.createdAtMs,
        agent.lastSeenAtMs,
      );
      this.#insertToken(agentTokenHash, { kind: "agent", agentId: agent.id }, agent.createdAtMs);
      return true;
    });
  }

  async findAgent(id: string): Promise<AgentRecord | undefined> {
    const row = this.#db.find("SELECT * FROM agents WHERE id = ?", id);
    return row && toAgent(row);
  }

  async listAgents(): Promise<AgentRecord[]> {
    return this.#db.all("SELECT * FROM agents ORDER BY created_at_ms, id").map(toAgent);
  }

  updateAgent(id: string, change: Partial<Pick<AgentRecord, "machineTypes" | "lastSeenAtMs">>): Promise<void> {
    return this.#group.write(() => {
      this.#db.run(
        `UPDATE agents SET machine_types = coalesce(?, machine_types), last_seen_at_ms = coalesce(?, last_seen_at_ms)
         WHERE id = ?`,
        change.machineTypes === undefined ? null : JSON.stringify(change.machineTypes),
        change.lastSeenAtMs ?? null,
        id,
      );
    });
  }

  createRun(run: NewRun, clientKey: string, options = { reuse: false }): Promise<CreatedRun> {
    return this.#group.write(() => {
      const existing = this.#runByKey(run.owner, clientKey);
      if (existing?.runType === "workflow" || this.#localWorkflow(run.owner, clientKey)) throw keyUsed(clientKey);
      if (existing !== undefined) return { run: existing, existed: true, reused: false };
      const same = options.reuse ? selectSameRun(this.#db, run.owner, run.requestHash) : undefined;
      if (same !== undefined) return { run: same, existed: false, reused: true };
      return { run: insertRun(this.#tables, run, clientKey), existed: false, reused: false };
    });
  }

  createWorkflow(
    workflow: { labels: WorkflowLabel[]; run: NewRun },
    clientKey: string,
  ): Promise<{ workflow: WorkflowRecord; run: RunRecord; existed: boolean }> {
    return this.#group.write(() => {
      const existing = this.#runByKey(workflow.run.owner, clientKey);
      if (existing?.runType === "user" || this.#localWorkflow(workflow.run.owner, clientKey)) throw keyUsed(clientKey);
      if (existing?.workflowId !== undefined) {
        return { workflow: this.#workflow(existing.workflowId) as WorkflowRecord, run: existing, existed: true };
      }
      this.#requireLabels(workflow.labels);
      const { id } = this.#db.one(
        `INSERT INTO workflows (owner, managing_run_id, labels, created_at_ms) VALUES (?, 0, ?, ?) RETURNING id`,
        workflow.run.owner,
        JSON.stringify(workflow.labels),
        workflow.run.createdAtMs,
      ) as { id: number };
      const run = insertRun(this.#tables, { ...workflow.run, workflowId: id }, clientKey);
      this.#db.run("UPDATE workflows SET managing_run_id = ? WHERE id = ?", run.id, id);
      return { workflow: this.#workflow(id) as WorkflowRecord, run, existed: false };
    });
  }

  createLocalWorkflow(
    workflow: { owner: string; labels: WorkflowLabel[]; createdAtMs: number },
    clientKey: string,
  ): Promise<{ workflow: WorkflowRecord; existed: boolean }> {
    const { owner, labels, createdAtMs } = workflow;
    return this.#group.write(() => {
      if (this.#runByKey(owner, clientKey) !== undefined) throw keyUsed(clientKey);
      const made = this.#localWorkflow(owner, clientKey);
      if (made !== undefined) return { workflow: made, existed: true };
      this.#requireLabels(labels);
      const row = this.#db.one(
        `INSERT INTO workflows (owner, managing_run_id, labels, created_at_ms, client_key)
         VALUES (?, 0, ?, ?, ?) RETURNING *`,
        ...[owner, JSON.stringify(labels), createdAtMs, clientKey === "" ? null : clientKey],
      );
      return { workflow: toWorkflow(row), existed: false };
    });
  }

  archiveWorkflow(id: number, atMs: number): Promise<void> {
    return this.#group.write(() => {
      this.#db.run("UPDATE workflows SET archived_at_ms = coalesce(archived_at_ms, ?) WHERE id = ?", atMs, id);
    });
  }

  async findRun(id: number): Promise<RunRecord | undefined> {
    return Number.isSafeInteger(id) ? selectRun(this.#db, id) : undefined;
  }

  async findRunByClientKey(owner: string, clientKey: string): Promise<RunRecord | undefined> {
    return this.#runByKey(owner, clientKey);
  }

  async listRuns(filter: RunFilter): Promise<RunRecord[]> {
    return selectRuns(this.#db, filter);
  }

  async findWorkflow(id: number): Promise<WorkflowRecord | undefined> {
    return Number.isSafeInteger(id) ? this.#workflow(id) : undefined;
  }

  async listQueued(perLine: number): Promise<RunRecord[]> {
    return selectQueued(this.#db, perLine);
  }

  async listHeld(agentId?: string): Promise<RunRecord[]> {
    const rows =
      agentId === undefined
        ? this.#db.all("SELECT * FROM runs WHERE ended_at_ms IS NULL AND agent_id IS NOT NULL ORDER BY id")
        : this.#db.all("SELECT * FROM runs WHERE ended_at_ms IS NULL AND agent_id = ? ORDER BY id", agentId);
    return rows.map(toRun);
  }

  updateRun(id: number, version: number, change: RunChange): Promise<RunRecord | undefined> {
    return this.#group.write(() => changeRun(this.#tables, { id, version, change }));
  }

  addLogSegment(runId: number, segment: LogSegment): Promise<void> {
    return this.#group.write(() => {
      this.#db.run(
        "INSERT OR IGNORE INTO log_segments VALUES (?, ?, ?, ?, ?)",
        runId,
        segment.attempt,
        segment.firstNumber,
        segment.entries,
        segment.objectKey,
      );
    });
  }

  async describeLog(runId: number): Promise<LogDescription | undefined> {
    const run = selectRun(this.#db, runId);
    if (run === undefined) return undefined;
    const notices = (place: string) =>
      this.#db
        .all("SELECT entry FROM notices WHERE run_id = ? AND place = ? ORDER BY number", runId, place)
        .map(toEntry);
    const segments: LogSegment[] = this.#db
      .all("SELECT * FROM log_segments WHERE run_id = ? ORDER BY attempt, first_number", runId)
      .map((row) => ({
        attempt: row["attempt"] as number,
        firstNumber: row["first_number"] as number,
        entries: row["entries"] as number,
        objectKey: row["object_key"] as string,
      }));
    const attempts = this.#db.all("SELECT * FROM attempts WHERE run_id = ? ORDER BY number", runId).map((row) => ({
      number: row["number"] as number,
      ended: row["ended_at_ms"] !== null,
      logEntries: (row["log_entries"] as number | null) ?? undefined,
      segments: segments.filter((segment) => segment.attempt === row["number"]),
    }));
    return { before: notices("before"), attempts, after: notices("after"), final: isFinal(run.status) };
  }

  async findBlobs(digests: readonly Digest[]): Promise<BlobLocation[]> {
    return this.#blobs.find(digests);
  }

  async findNodes(digests: readonly Digest[]): Promise<BlobLocation[]> {
    return this.#blobs.find(digests, true);
  }

  async addBlobs(blobs: readonly NewBlob[], tree?: CommittedTree): Promise<Digest[]> {
    let contested: Digest[] = [];
    try {
      await this.#group.write(() => {
        contested = this.#blobs.add(blobs, tree);
        if (contested.length > 0) throw conflict("Two users claim different places of the same blobs.", "contested");
      });
    } catch (error) {
      if (contested.length === 0) throw error;
    }
    return contested;
  }

  confirmBlobs(places: readonly BlobLocation[]): Promise<void> {
    return this.#group.write(() => this.#blobs.confirm(places));
  }

  async renewTrees(digests: readonly Digest[], nowMs: number, heldBy?: CommittedTree["heldBy"]): Promise<boolean> {
    if (digests.some((digest) => this.#blobs.row(digest) === undefined)) return false;
    // What is held is written down whenever it was committed.
    const stale = this.#blobs.needRenewal(digests, heldBy === undefined ? nowMs : Number.POSITIVE_INFINITY);
    return stale.length === 0 || this.#group.write(() => this.#blobs.renew(stale, nowMs, heldBy));
  }

  async close(): Promise<void> {
    this.#group.flush();
    if (this.#database.isOpen) this.#database.close();
  }

  #insertToken(hash: string, owner: TokenOwner, createdAtMs: number): void {
    const subject = owner.kind === "user" ? owner.userName : owner.kind === "agent" ? owner.agentId : "";
    this.#db.run("INSERT OR IGNORE INTO tokens VALUES (?, ?, ?, ?)", hash, owner.kind, subject, createdAtMs);
  }

  #user(name: string): UserRecord | undefined {
    const row = this.#db.find("SELECT * FROM users WHERE name = ?", name);
    return row && toUser(row);
  }

  #requireLabels(labels: readonly WorkflowLabel[]): void {
    for (const { code } of labels) if (code !== undefined) this.#blobs.requireTree(code.tree);
  }

  #localWorkflow(owner: string, clientKey: string): WorkflowRecord | undefined {
    if (clientKey === "") return undefined;
    const row = this.#db.find("SELECT * FROM workflows WHERE owner = ? AND client_key = ?", owner, clientKey);
    return row && toWorkflow(row);
  }

  #runByKey(owner: string, clientKey: string): RunRecord | undefined {
    if (clientKey === "") return undefined;
    const row = this.#db.find("SELECT * FROM runs WHERE owner = ? AND client_key = ?", owner, clientKey);
    return row && toRun(row);
  }

  #workflow(id: number): WorkflowRecord | undefined {
    const row = this.#db.find("SELECT * FROM workflows WHERE id = ?", id);
    return row && toWorkflow(row);
  }
}

/** One key, one request: a run and a workflow cannot share it. */
function keyUsed(clientKey: string): SpellError {
  return conflict(`The client key "${clientKey}" was used for another request: make a new one.`, "client-key-used");
}
