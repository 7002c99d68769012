-- Uploads: named trees of users. While one is under way it has files instead of a tree.
CREATE TABLE uploads (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  -- Its only file is an archive, to be unpacked when it is complete.
  compressed INTEGER NOT NULL,
  tree TEXT,
  file_count INTEGER NOT NULL DEFAULT 0,
  size_bytes INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  -- Something arrived last, or it was completed.
  changed_at_ms INTEGER NOT NULL,
  UNIQUE (owner, name)
) STRICT;
CREATE INDEX uploads_under_way ON uploads (changed_at_ms) WHERE tree IS NULL;

-- Files of uploads under way. Their bytes lie in files named by these numbers; how many have arrived, those files say.
CREATE TABLE upload_files (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  upload_id INTEGER NOT NULL,
  path TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  UNIQUE (upload_id, path)
) STRICT;

CREATE TABLE links (
  owner TEXT NOT NULL,
  alias TEXT NOT NULL,
  resource_path TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  PRIMARY KEY (owner, alias)
) STRICT, WITHOUT ROWID;

CREATE TABLE models (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  -- Of the newest version ever made: a number is not given twice.
  last_number INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  UNIQUE (owner, name)
) STRICT;

CREATE TABLE model_versions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model_id INTEGER NOT NULL,
  version TEXT NOT NULL,
  resource TEXT NOT NULL,
  files TEXT NOT NULL,
  description TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  UNIQUE (model_id, version)
) STRICT;
