-- What users log in with. The first user of a farm is its operator; records older than this have no other user.
ALTER TABLE users ADD COLUMN full_name TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN operator INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN last_login_at_ms INTEGER;
-- Of the password, with its salt and cost; NULL: this user cannot log in with one.
ALTER TABLE users ADD COLUMN password_hash TEXT;
UPDATE users SET operator = 1;
CREATE UNIQUE INDEX users_name ON users (name COLLATE NOCASE);
CREATE UNIQUE INDEX users_email ON users (email COLLATE NOCASE);

-- Tokens that users made, beside their line in tokens: sessions, made by a login, have no name; access tokens have one.
CREATE TABLE user_tokens (
  hash TEXT PRIMARY KEY,
  user_name TEXT NOT NULL,
  name TEXT,
  created_at_ms INTEGER NOT NULL,
  last_used_at_ms INTEGER,
  UNIQUE (user_name, name)
) STRICT;

CREATE TABLE public_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_name TEXT NOT NULL,
  title TEXT NOT NULL,
  public_key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  UNIQUE (user_name, fingerprint)
) STRICT;
