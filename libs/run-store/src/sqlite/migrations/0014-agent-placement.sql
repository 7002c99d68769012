-- Whether an agent is given new runs: what its operator last said of it.
ALTER TABLE agents ADD COLUMN placement TEXT NOT NULL DEFAULT 'open' CHECK (placement IN ('open', 'cordoned', 'draining'));
