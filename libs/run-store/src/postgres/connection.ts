/** One session with the database. Statements may be sent before those in front of them are answered. */
import pg from "pg";
import type { Answer, Row, Sql, Statement } from "../sql/statement.ts";
import { statementError } from "./database-error.ts";

/** Nothing takes longer on the server; a network that swallows the answer is noticed a little later. */
const STATEMENT_TIMEOUT_MS = 30_000;
const ANSWER_TIMEOUT_MS = 35_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** A process that was stopped in the middle of a transaction holds its locks no longer than this. */
const IDLE_TRANSACTION_TIMEOUT_MS = 3_000;

/** How the types of our columns and of what is counted and added up come: numbers as numbers, all else as text. */
const NUMERIC_OIDS = new Set([20, 21, 23, 1700]);
const types = {
  getTypeParser: (oid: number) => (NUMERIC_OIDS.has(oid) ? Number : (text: string) => text),
};

export function connectionOptions(url: string): pg.ClientConfig & { pipeline: boolean } {
  return {
    connectionString: url,
    application_name: "spell-coordinator",
    types,
    pipeline: true,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
  };
}

/** For whoever changes or copies whole tables: that takes its time. */
const PATIENT = { statement_timeout: 0, query_timeout: 0, idle_in_transaction_session_timeout: 0 };

export interface SessionOptions {
  url: string;
  patient?: boolean;
  /** It is over without having been ended. */
  onEnd?: () => void;
}

/** A session of its own. */
export async function openSession({ url, patient = false, onEnd }: SessionOptions): Promise<pg.Client> {
  let client: pg.Client | undefined;
  try {
    client = new pg.Client({ ...connectionOptions(url), ...(patient ? PATIENT : {}) });
    client.on("error", () => onEnd?.());
    await client.connect();
    return client;
  } catch (error) {
    client?.end().catch(() => undefined);
    throw statementError(error);
  }
}

/** The same statement has the same name in all sessions. */
const prepared = new Map<string, { name: string; text: string }>();

function prepare(text: string): { name: string; text: string } {
  let statement = prepared.get(text);
  if (statement === undefined) {
    let count = 0;
    statement = { name: `s${prepared.size}`, text: text.replace(/\?/g, () => `$${(count += 1)}`) };
    prepared.set(text, statement);
  }
  return statement;
}

/** Does the work to its end on this session. A statement that fails ends it. */
export async function drive<T>(client: pg.ClientBase, work: Sql<T>): Promise<T> {
  let step = work.next();
  while (step.done !== true) step = work.next(await execute(client, step.value));
  return step.value;
}

async function execute(client: pg.ClientBase, { kind, text, values }: Statement): Promise<Answer> {
  const result = await ask(client, { ...prepare(text), values: [...values] });
  if (kind === "find") return result.rows[0];
  return kind === "all" ? result.rows : (result.rowCount ?? 0);
}

/** Sends a command and waits for its answer. */
export async function ask(client: pg.ClientBase, query: string | pg.QueryConfig): Promise<pg.QueryResult<Row>> {
  try {
    return await client.query<Row>(query);
  } catch (error) {
    throw statementError(error);
  }
}

/** Sends a command that is not waited for: if it fails, so does what is sent after it in the transaction. */
export function send(client: pg.ClientBase, command: string): void {
  client.query(command).catch(() => undefined);
}
