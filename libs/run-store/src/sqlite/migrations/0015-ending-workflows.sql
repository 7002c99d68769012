-- What somebody asked of a whole workflow: from then on no run is added to it.
ALTER TABLE workflows ADD COLUMN requested TEXT;
ALTER TABLE workflows ADD COLUMN requested_by TEXT;
CREATE INDEX workflows_requested ON workflows (id) WHERE requested IS NOT NULL AND archived_at_ms IS NULL;
