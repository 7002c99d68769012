-- Runs that are tried again: how each attempt ended, from when on the next may begin, and what is said between them.
ALTER TABLE runs ADD COLUMN not_before_ms INTEGER;
-- When it was put in line the last time; NULL: when it was made.
ALTER TABLE runs ADD COLUMN queued_at_ms INTEGER;
CREATE INDEX runs_not_before ON runs (not_before_ms) WHERE status = 'machine_requested' AND not_before_ms IS NOT NULL;

-- When the command began; `started_at_ms` is when the agent was given the attempt.
ALTER TABLE attempts ADD COLUMN running_at_ms INTEGER;
ALTER TABLE attempts ADD COLUMN status TEXT;
ALTER TABLE attempts ADD COLUMN reason_code TEXT;
ALTER TABLE attempts ADD COLUMN reason TEXT;
ALTER TABLE attempts ADD COLUMN exit_code INTEGER;

-- Of those `after`: the attempt whose entries they follow, where another comes after it; NULL: at the end.
ALTER TABLE notices ADD COLUMN attempt INTEGER;
