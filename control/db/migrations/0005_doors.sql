-- How a door is spoken to, where its secret lies ('file', or 'env:NAME'), and whether it is closed for now and why.
-- A removed door takes nothing new; it is kept until its last job has ended.
ALTER TABLE door ADD COLUMN kind TEXT NOT NULL DEFAULT 'local' CHECK(kind IN ('runpod','modal','local'));
ALTER TABLE door ADD COLUMN secret TEXT NOT NULL DEFAULT 'file';
ALTER TABLE door ADD COLUMN breaker TEXT NOT NULL DEFAULT '{}';
ALTER TABLE door ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE door ADD COLUMN removed_at INTEGER;

-- What a door said of an engine, once for each image; `refused` says why that is not believed or of no use here.
CREATE TABLE described(
  door TEXT NOT NULL, engine TEXT NOT NULL, image TEXT NOT NULL, body TEXT NOT NULL, refused TEXT NOT NULL DEFAULT '',
  at INTEGER NOT NULL, PRIMARY KEY(door, engine, image)) WITHOUT ROWID;

-- Who may send a job: the runner whose random token is stored. `known` is what a person is told of an open job.
ALTER TABLE job ADD COLUMN post_token TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN known TEXT NOT NULL DEFAULT '{}';
