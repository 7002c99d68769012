-- Objects that are put in parts, until they are committed or given up.
CREATE TABLE multiparts (
  object_key TEXT PRIMARY KEY,
  -- Who began it: nobody else goes on with it.
  holder TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  part_bytes INTEGER NOT NULL,
  -- The store's name for it. NULL until the store has begun it: a process may end in between.
  upload_id TEXT,
  used_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX multiparts_used ON multiparts (used_at_ms);
