-- A browser session that was opened with a bearer token ends with that token: `parent` is its id.
ALTER TABLE token ADD COLUMN parent TEXT NOT NULL DEFAULT '';
