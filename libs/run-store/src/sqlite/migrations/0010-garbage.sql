-- Blobs by a number that is never given twice: whatever is recorded while a collection goes on has a higher one than all it looks at.
CREATE TABLE numbered_blobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  digest TEXT NOT NULL UNIQUE,
  object_key TEXT NOT NULL,
  offset INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  is_node INTEGER NOT NULL,
  -- Of a node that was committed, or asked for, as the root of a tree: when that was last.
  committed_at_ms INTEGER,
  -- The collection that found it dead. Once that is the last one that condemned, nobody sees the row any more.
  condemned_by INTEGER
) STRICT;
-- When trees were committed was not kept: what is there counts as new once.
INSERT INTO numbered_blobs (digest, object_key, offset, size_bytes, is_node, committed_at_ms)
  SELECT digest, object_key, offset, size_bytes, is_node, CASE is_node WHEN 1 THEN unixepoch() * 1000 END FROM blobs;
DROP TABLE blobs;
ALTER TABLE numbered_blobs RENAME TO blobs;
CREATE INDEX blobs_object ON blobs (object_key);
CREATE INDEX blobs_committed ON blobs (committed_at_ms) WHERE committed_at_ms IS NOT NULL;
CREATE INDEX blobs_condemned ON blobs (condemned_by) WHERE condemned_by IS NOT NULL;

-- Trees that agents committed for attempts: they live as long as those are in force, until the run names them.
CREATE TABLE held_trees (
  run_id INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  tree TEXT NOT NULL,
  PRIMARY KEY (run_id, attempt, tree)
) STRICT, WITHOUT ROWID;

-- Collections that condemned something. The last one counts, for blobs.condemned_by.
CREATE TABLE collections (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  started_at_ms INTEGER NOT NULL,
  condemned_at_ms INTEGER,
  ended_at_ms INTEGER,
  -- What it came to, as JSON.
  result TEXT
) STRICT;

-- Objects that are being deleted: no blob may be recorded in one of them.
CREATE TABLE doomed_objects (
  object_key TEXT PRIMARY KEY,
  doomed_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- By a rule of retention. A run whose outputs were dropped names no tree.
ALTER TABLE runs ADD COLUMN outputs_dropped_at_ms INTEGER;
