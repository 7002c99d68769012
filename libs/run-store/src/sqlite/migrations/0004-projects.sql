-- What owners gather runs in. `name_key` is the name without its letter case: old clients fail over two that differ in it alone.
CREATE TABLE projects (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  description TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  archived_at_ms INTEGER,
  UNIQUE (owner, name_key)
) STRICT;
