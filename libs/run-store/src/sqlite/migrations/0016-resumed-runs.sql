-- A run that goes on for one whose machine was taken away: each names the other.
ALTER TABLE runs ADD COLUMN resumed_as_run INTEGER;
ALTER TABLE runs ADD COLUMN resumed_from_run INTEGER;
