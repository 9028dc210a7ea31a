-- Times are integer milliseconds since the epoch, money is integer micro-dollars, months are UTC 'YYYY-MM'.

CREATE TABLE film(
  id TEXT PRIMARY KEY, title TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);

-- A document over 256 kB lies in the object store as documents/<sha256>.json; its body is then NULL.
CREATE TABLE revision(
  film_id TEXT NOT NULL REFERENCES film(id), n INTEGER NOT NULL, sha256 TEXT NOT NULL, body TEXT,
  author TEXT NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL, ops TEXT NOT NULL, created_at INTEGER NOT NULL,
  PRIMARY KEY(film_id, n)) WITHOUT ROWID;

CREATE TABLE upload(
  sha256 TEXT PRIMARY KEY, suffix TEXT NOT NULL, content_type TEXT NOT NULL, bytes INTEGER NOT NULL,
  facts TEXT NOT NULL, name TEXT NOT NULL, created_at INTEGER NOT NULL, condemned_at INTEGER) WITHOUT ROWID;

-- What the file names of a film's storyboard stand for.
CREATE TABLE film_file(
  film_id TEXT NOT NULL REFERENCES film(id), name TEXT NOT NULL, sha256 TEXT NOT NULL REFERENCES upload(sha256),
  PRIMARY KEY(film_id, name)) WITHOUT ROWID;

CREATE TABLE catalog(sha256 TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE render(
  id TEXT PRIMARY KEY, film_id TEXT NOT NULL REFERENCES film(id), rev INTEGER NOT NULL, recipe TEXT NOT NULL,
  catalog_sha TEXT NOT NULL REFERENCES catalog(sha256), files TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'running' CHECK(state IN ('running','paused','done','failed','cancelled')),
  cancel_requested INTEGER NOT NULL DEFAULT 0, budget_u INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '',
  lease_token TEXT, lease_until INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL DEFAULT 0,
  outline TEXT NOT NULL DEFAULT '{}', created_at INTEGER NOT NULL, ended_at INTEGER);
CREATE INDEX render_due ON render(next_at) WHERE state IN ('running','paused');
CREATE INDEX render_film ON render(film_id, created_at);

-- A step's fingerprint is set once. The table is also the list of who wants what.
CREATE TABLE step(
  render_id TEXT NOT NULL REFERENCES render(id), path TEXT NOT NULL, n INTEGER NOT NULL, kind TEXT NOT NULL,
  engine TEXT NOT NULL, door TEXT NOT NULL, fp TEXT, shot TEXT, label TEXT NOT NULL, estimated INTEGER NOT NULL,
  quote_u INTEGER NOT NULL, bound_u INTEGER NOT NULL, expect_s REAL NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
  reason TEXT NOT NULL DEFAULT '', PRIMARY KEY(render_id, path)) WITHOUT ROWID;
CREATE INDEX step_fp ON step(fp);

-- `live` jobs hold money and exclude another job of their fingerprint; `open` ones are still reconciled.
CREATE TABLE job(
  id TEXT PRIMARY KEY, fp TEXT NOT NULL, attempt INTEGER NOT NULL, kind TEXT NOT NULL, engine TEXT NOT NULL,
  film_id TEXT NOT NULL, door TEXT NOT NULL, payer TEXT NOT NULL, month TEXT NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('intent','submitted','running','unknown','done','degraded','failed','cancelled',
    'never_started','lost','written_off')),
  handle TEXT, instance TEXT, request TEXT NOT NULL, charge_u INTEGER NOT NULL, cost_basis TEXT,
  start_by INTEGER NOT NULL, deadline_s INTEGER NOT NULL, executions INTEGER NOT NULL,
  cancel_requested INTEGER NOT NULL DEFAULT 0, cancel_sent INTEGER NOT NULL DEFAULT 0,
  progress TEXT, progress_at INTEGER NOT NULL DEFAULT 0, rung_at INTEGER NOT NULL DEFAULT 0,
  posts INTEGER NOT NULL DEFAULT 0,
  next_poll_at INTEGER NOT NULL, created_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER,
  error TEXT, retryable INTEGER NOT NULL DEFAULT 0, result TEXT,
  live INTEGER GENERATED ALWAYS AS (state IN ('intent','submitted','running','unknown')) VIRTUAL,
  open INTEGER GENERATED ALWAYS AS (state IN ('intent','submitted','running','unknown','written_off')) VIRTUAL);
CREATE UNIQUE INDEX job_attempt ON job(fp, attempt);
CREATE UNIQUE INDEX job_handle ON job(door, handle) WHERE handle IS NOT NULL;
CREATE UNIQUE INDEX job_live ON job(fp) WHERE live=1;
CREATE INDEX job_due ON job(next_poll_at) WHERE open=1;
CREATE INDEX job_payer ON job(payer);
CREATE INDEX job_month ON job(month);

CREATE TABLE artifact(
  fp TEXT PRIMARY KEY, job_id TEXT NOT NULL REFERENCES job(id), quality TEXT NOT NULL CHECK(quality IN ('done','degraded')),
  facts TEXT NOT NULL, bytes INTEGER NOT NULL, kept INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL,
  condemned_at INTEGER) WITHOUT ROWID;

-- shot_id is '' for a take of the film itself.
CREATE TABLE take(
  id TEXT PRIMARY KEY, film_id TEXT NOT NULL REFERENCES film(id), shot_id TEXT NOT NULL, kind TEXT NOT NULL,
  path TEXT NOT NULL, label TEXT NOT NULL, fp TEXT NOT NULL REFERENCES artifact(fp), render_id TEXT NOT NULL,
  chosen INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL);
CREATE UNIQUE INDEX take_once ON take(film_id, path, fp);
CREATE INDEX take_newest ON take(film_id, created_at);
CREATE INDEX take_fp ON take(fp);

CREATE TABLE month_budget(month TEXT PRIMARY KEY, limit_u INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE door(
  id TEXT PRIMARY KEY, base TEXT NOT NULL, network TEXT NOT NULL CHECK(network IN ('public','private','loopback')),
  caps TEXT NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE token(
  hash TEXT PRIMARY KEY, name TEXT NOT NULL, scope TEXT NOT NULL, created_at INTEGER NOT NULL,
  expires_at INTEGER, used_at INTEGER) WITHOUT ROWID;

CREATE TABLE idem(
  token TEXT NOT NULL, route TEXT NOT NULL, key TEXT NOT NULL, hash TEXT NOT NULL, status INTEGER NOT NULL,
  response TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY(token, route, key)) WITHOUT ROWID;

CREATE TABLE event(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, op TEXT NOT NULL UNIQUE, film_id TEXT, render_id TEXT, kind TEXT NOT NULL,
  data TEXT NOT NULL, at INTEGER NOT NULL);
CREATE INDEX event_film ON event(film_id, seq);
