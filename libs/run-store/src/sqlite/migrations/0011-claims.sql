-- Who says where a blob lies, while nobody but him has seen it there: until then it is known to this user alone. NULL: it is known to all.
-- What was recorded before was believed; it stays so.
ALTER TABLE blobs ADD COLUMN claimed_by TEXT;

-- Objects that end with a footer, and how many blobs it lists. Packs from before have none.
CREATE TABLE packs (
  object_key TEXT PRIMARY KEY,
  blobs INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
