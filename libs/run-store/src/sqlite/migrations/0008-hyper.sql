-- Hyper-parameter searches. Their runs are in `runs` (hyper_search_id); the values of each stand in its spec.
CREATE TABLE hyper_searches (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL,
  client_key TEXT,
  spec TEXT NOT NULL,
  -- A run before it has its parameters.
  template TEXT NOT NULL,
  seed INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  requested TEXT,
  requested_by TEXT,
  ended_at_ms INTEGER,
  archived_at_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX hyper_searches_client_key ON hyper_searches (owner, client_key) WHERE client_key IS NOT NULL;
CREATE INDEX hyper_searches_owner ON hyper_searches (owner, id);
CREATE INDEX hyper_searches_open ON hyper_searches (id) WHERE ended_at_ms IS NULL;
