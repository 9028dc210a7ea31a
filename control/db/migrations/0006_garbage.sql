-- Garbage goes in two steps, each safe to repeat: the row, then the objects that it named.
-- A job's objects are removed once it has ended and no artifact is its own: -1 while that is done, then when it was.
-- A swept job can never be adopted again.
ALTER TABLE job ADD COLUMN swept_at INTEGER;
CREATE INDEX job_unswept ON job(ended_at) WHERE ended_at IS NOT NULL AND (swept_at IS NULL OR swept_at<0);
CREATE INDEX artifact_job ON artifact(job_id);

-- Uploads whose row has gone and whose object is going.
CREATE TABLE dropped_upload(sha256 TEXT PRIMARY KEY, suffix TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
