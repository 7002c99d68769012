ALTER TABLE agents ADD COLUMN placement TEXT COLLATE "C" NOT NULL DEFAULT 'open'
  CHECK (placement IN ('open', 'cordoned', 'draining'));
