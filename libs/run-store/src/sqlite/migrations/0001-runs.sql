-- Users and what stands for them.
CREATE TABLE users (
  name TEXT PRIMARY KEY,
  email TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

-- Tokens by the sha256 of their text: the text itself is never kept.
CREATE TABLE tokens (
  hash TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('user', 'agent', 'join')),
  subject TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE agents (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  machine_types TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  last_seen_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE workflows (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL,
  managing_run_id INTEGER NOT NULL,
  labels TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL,
  run_type TEXT NOT NULL,
  workflow_id INTEGER,
  client_key TEXT,
  spec TEXT NOT NULL,
  status TEXT NOT NULL,
  passed TEXT NOT NULL,
  requested TEXT,
  requested_by TEXT,
  user_exit_code INTEGER,
  reason_code TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '',
  output_tree TEXT,
  created_at_ms INTEGER NOT NULL,
  started_at_ms INTEGER,
  ended_at_ms INTEGER,
  attempt INTEGER NOT NULL DEFAULT 0,
  agent_id TEXT,
  lease_token TEXT,
  slots TEXT NOT NULL DEFAULT '[]',
  version INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE UNIQUE INDEX runs_client_key ON runs (owner, client_key) WHERE client_key IS NOT NULL;
CREATE INDEX runs_owner ON runs (owner, id);
CREATE INDEX runs_workflow ON runs (workflow_id, id) WHERE workflow_id IS NOT NULL;
CREATE INDEX runs_queued ON runs (id) WHERE status = 'machine_requested';
-- Held: an attempt is in force. Ended runs leave this index, so it stays as small as the cluster.
CREATE INDEX runs_held ON runs (agent_id) WHERE ended_at_ms IS NULL AND agent_id IS NOT NULL;

CREATE TABLE attempts (
  run_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  agent_id TEXT NOT NULL,
  lease_token TEXT NOT NULL,
  started_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  log_entries INTEGER,
  PRIMARY KEY (run_id, number)
) STRICT, WITHOUT ROWID;

-- The coordinator's own log entries; `place` says whether they stand before or after the attempts' entries.
CREATE TABLE notices (
  run_id INTEGER NOT NULL,
  place TEXT NOT NULL CHECK (place IN ('before', 'after')),
  number INTEGER NOT NULL,
  entry TEXT NOT NULL,
  PRIMARY KEY (run_id, place, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_segments (
  run_id INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  first_number INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  object_key TEXT NOT NULL,
  PRIMARY KEY (run_id, attempt, first_number)
) STRICT, WITHOUT ROWID;

-- Which object holds a blob, and where in it.
CREATE TABLE blobs (
  digest TEXT PRIMARY KEY,
  object_key TEXT NOT NULL,
  offset INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  is_node INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
