ALTER TABLE workflows ADD COLUMN requested TEXT COLLATE "C";
ALTER TABLE workflows ADD COLUMN requested_by TEXT COLLATE "C";
CREATE INDEX workflows_requested ON workflows (id) WHERE requested IS NOT NULL AND archived_at_ms IS NULL;
