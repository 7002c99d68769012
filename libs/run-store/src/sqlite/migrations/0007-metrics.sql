-- The metrics of runs, with what is asked of them most: kept up to date, so that nobody reads all points for it.
CREATE TABLE metrics (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  -- Of the last point, microseconds.
  last_at_us INTEGER NOT NULL,
  -- Of the numbers among the points: count, min, max, sum, last, lastIndex; null while there is none.
  summary TEXT,
  UNIQUE (run_id, name)
) STRICT;

-- Points, many to a row: [microseconds, index, value], separated by commas, in order of time.
CREATE TABLE metric_chunks (
  metric_id INTEGER NOT NULL,
  first_at_us INTEGER NOT NULL,
  count INTEGER NOT NULL,
  points TEXT NOT NULL,
  PRIMARY KEY (metric_id, first_at_us)
) STRICT;

-- How many points of an attempt are recorded: what arrives once more is known by its number.
CREATE TABLE metric_counts (
  run_id INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  points INTEGER NOT NULL,
  PRIMARY KEY (run_id, attempt)
) STRICT, WITHOUT ROWID;
