-- What a run belongs to and what users put on it later: apart from the spec, which never changes.
ALTER TABLE runs ADD COLUMN labels TEXT NOT NULL DEFAULT '[]';
ALTER TABLE runs ADD COLUMN project_id INTEGER;
ALTER TABLE runs ADD COLUMN hyper_search_id INTEGER;
ALTER TABLE runs ADD COLUMN archived_at_ms INTEGER;
ALTER TABLE runs ADD COLUMN request_hash TEXT NOT NULL DEFAULT '';
UPDATE runs SET labels = coalesce(json_extract(spec, '$.labels'), '[]'), spec = json_remove(spec, '$.labels');

CREATE INDEX runs_same ON runs (owner, request_hash, id) WHERE request_hash <> '' AND archived_at_ms IS NULL;
CREATE INDEX runs_project ON runs (project_id, id) WHERE project_id IS NOT NULL;
CREATE INDEX runs_hyper_search ON runs (hyper_search_id, id) WHERE hyper_search_id IS NOT NULL;
