-- Waiting runs stand in line for their machine type, masters in one of their own: the oldest of each line are found without
-- reading those behind them.
DROP INDEX runs_queued;
CREATE INDEX runs_queued ON runs (run_type = 'workflow', json_extract(spec, '$.machineType'), id)
  WHERE status = 'machine_requested';
