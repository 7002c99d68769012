/** Everything in the record that names a tree or the blob of a file, a page at a time. */
import type { Digest } from "@spell/domain";
import type { ReferencePage, REFERENCE_SOURCES, TreeReference } from "../garbage.ts";
import type { NewRun, RunSpec, WorkflowLabel } from "../records.ts";
import { workspaceRepository } from "../workspaces.ts";
import type { Dialect } from "./dialect.ts";
import type { Row, Sql } from "./statement.ts";
import { all } from "./statement.ts";

interface Page {
  after?: string;
  limit: number;
  committedSinceMs: number;
}

interface Source {
  /** Rows in order, from after the key; the last column of the order is part of each row. */
  rows: (page: Page, dialect: Dialect) => Sql<Row[]>;
  keyOf: (row: Row) => string;
  references: (row: Row) => TreeReference[];
}

/** A page of one source. A source with several references to a row gives them together. */
export function* listReferences(
  dialect: Dialect,
  source: (typeof REFERENCE_SOURCES)[number],
  page: Page,
): Sql<ReferencePage> {
  const { rows: select, keyOf, references } = SOURCES[source];
  const rows = yield* select(page, dialect);
  const last = rows.at(-1);
  return {
    references: rows.flatMap(references),
    next: last === undefined || rows.length < page.limit ? undefined : keyOf(last),
  };
}

const byId = (sql: string): Pick<Source, "rows" | "keyOf"> => ({
  rows: ({ after, limit }) => all(sql, Number(after ?? 0), limit),
  keyOf: (row) => String(row["id"]),
});

const SOURCES: Record<(typeof REFERENCE_SOURCES)[number], Source> = {
  held: {
    rows: ({ after = "0 0 ", limit }) => {
      const [runId, attempt, tree] = after.split(" ");
      const sql = `SELECT held_trees.*, runs.owner FROM held_trees JOIN runs ON runs.id = run_id
        WHERE (run_id, held_trees.attempt, tree) > (?, ?, ?) AND ended_at_ms IS NULL AND runs.attempt = held_trees.attempt
        ORDER BY run_id, held_trees.attempt, tree LIMIT ?`;
      return all(sql, Number(runId), Number(attempt), tree ?? "", limit);
    },
    keyOf: (row) => `${String(row["run_id"])} ${String(row["attempt"])} ${String(row["tree"])}`,
    references: (row) => [one("held", row, { digest: row["tree"], name: row["run_id"] })],
  },
  recent: {
    rows: ({ after, limit, committedSinceMs }) => {
      const [atMs, id] = (after ?? `${committedSinceMs} 0`).split(" ").map(Number);
      const sql = `SELECT id, digest, committed_at_ms FROM blobs
        WHERE committed_at_ms IS NOT NULL AND (committed_at_ms, id) > (?, ?) ORDER BY committed_at_ms, id LIMIT ?`;
      return all(sql, atMs ?? 0, id ?? 0, limit);
    },
    keyOf: (row) => `${String(row["committed_at_ms"])} ${String(row["id"])}`,
    references: (row) => [one("recent", row, { digest: row["digest"], name: "" })],
  },
  runs: {
    ...byId("SELECT id, owner, project_id, spec, output_tree FROM runs WHERE id > ? ORDER BY id LIMIT ?"),
    references: (row) => {
      const spec = JSON.parse(row["spec"] as string) as RunSpec;
      const output = row["output_tree"] === null ? [] : [one("run-output", row, { digest: row["output_tree"] })];
      return [...ofSpec(row, spec), ...output];
    },
  },
  uploads: {
    ...byId("SELECT id, owner, name, tree FROM uploads WHERE id > ? AND tree IS NOT NULL ORDER BY id LIMIT ?"),
    references: (row) => [one("uploads", row, { digest: row["tree"], name: row["name"] })],
  },
  workflows: {
    ...byId("SELECT id, owner, labels FROM workflows WHERE id > ? ORDER BY id LIMIT ?"),
    references: (row) =>
      (JSON.parse(row["labels"] as string) as WorkflowLabel[]).flatMap(({ code }) =>
        code === undefined ? [] : [{ ...one("workflows", row, { digest: code.tree }), codeRoot: code.root }],
      ),
  },
  searches: {
    ...byId("SELECT id, owner, template FROM hyper_searches WHERE id > ? ORDER BY id LIMIT ?"),
    references: (row) =>
      ofSpec(row, (JSON.parse(row["template"] as string) as NewRun).spec).map((each) => ({
        ...each,
        source: "searches",
      })),
  },
  commits: {
    *rows({ after = " ", limit }, dialect) {
      const at = after.lastIndexOf(" ");
      const sql = `SELECT * FROM commit_trees WHERE (repository, commit_hash) > (?, ?)
        ORDER BY repository, commit_hash LIMIT ?`;
      const rows = yield* all(sql, after.slice(0, at), after.slice(at + 1), limit);
      const ids = rows.flatMap((row) => WORKSPACE.exec(row["repository"] as string)?.[1] ?? []);
      const named = `SELECT id, owner FROM workspaces WHERE id IN ${dialect.numbers("?")}`;
      const owners = ids.length === 0 ? [] : yield* all(named, JSON.stringify([...new Set(ids)].map(Number)));
      const ownerOf = new Map(owners.map(({ id, owner }) => [workspaceRepository(id as number), owner]));
      return rows.map((row) => ({ ...row, owner: ownerOf.get(row["repository"] as string) }));
    },
    keyOf: (row) => `${String(row["repository"])} ${String(row["commit_hash"])}`,
    references: (row) => [one("commits", row, { digest: row["tree"], name: row["repository"] })],
  },
};

const WORKSPACE = /^workspace\/(\d{1,15})$/;

function ofSpec(row: Row, { codeTree, codeRoot, mounts }: RunSpec): TreeReference[] {
  return [
    ...(codeTree === "" ? [] : [{ ...one("run-code", row, { digest: codeTree }), codeRoot }]),
    ...mounts.map(({ digest, isFile }) => ({ ...one("run-mount", row, { digest }), isFile })),
  ];
}

function one(
  source: TreeReference["source"],
  row: Row,
  { digest, name = row["id"] }: { digest: unknown; name?: unknown },
): TreeReference {
  return {
    source,
    owner: (row["owner"] as string | null | undefined) ?? "",
    digest: digest as Digest,
    isFile: false,
    name: String(name),
    projectId: (row["project_id"] as number | null | undefined) ?? undefined,
  };
}
