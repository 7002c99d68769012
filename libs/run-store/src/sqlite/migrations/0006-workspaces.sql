-- Repositories that users push code from: one per owner and first commit.
CREATE TABLE workspaces (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL,
  root_commit TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX workspaces_root ON workspaces (owner, root_commit);

-- What commits became, so that a commit is read once. `repository` is `workspace/<id>` or `url/<sha256 of the URL>`.
CREATE TABLE commit_trees (
  repository TEXT NOT NULL,
  commit_hash TEXT NOT NULL,
  tree TEXT NOT NULL,
  left_out TEXT NOT NULL,
  PRIMARY KEY (repository, commit_hash)
) STRICT, WITHOUT ROWID;

-- Workflows that have no master run are created like runs: once per client key. Archived ones are hidden.
ALTER TABLE workflows ADD COLUMN client_key TEXT;
ALTER TABLE workflows ADD COLUMN archived_at_ms INTEGER;
CREATE UNIQUE INDEX workflows_client_key ON workflows (owner, client_key) WHERE client_key IS NOT NULL;
