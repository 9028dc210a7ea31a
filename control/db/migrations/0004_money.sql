-- A month's budget holds from its month on until another is set. Rows so far were copies of a setting, nobody's choice.
DELETE FROM month_budget;

-- What a person was told a render would cost. Accepting it makes one render, once; `doors` lists ENGINE@DOOR.
CREATE TABLE quote(
  id TEXT PRIMARY KEY, film_id TEXT NOT NULL REFERENCES film(id), rev INTEGER NOT NULL, recipe TEXT NOT NULL,
  catalog_sha TEXT NOT NULL, doors TEXT NOT NULL, bound_u INTEGER NOT NULL, body TEXT NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, render_id TEXT) WITHOUT ROWID;
CREATE INDEX quote_expiry ON quote(expires_at) WHERE render_id IS NULL;

-- Doors that the accepted quote names, as ENGINE@DOOR; NULL where any may be used.
ALTER TABLE render ADD COLUMN quote_id TEXT;
ALTER TABLE render ADD COLUMN doors TEXT;

-- A job's price is stored with its intent. -1 is a job of before, which costs what its door says now.
ALTER TABLE job ADD COLUMN price_u INTEGER NOT NULL DEFAULT -1;
ALTER TABLE job ADD COLUMN allowance_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN fixed_u INTEGER NOT NULL DEFAULT 0;

-- How long finished jobs took: nanoseconds of a worker for a thousandth of the unit that their kind counts.
CREATE TABLE timing(
  job_id TEXT PRIMARY KEY, engine TEXT NOT NULL, kind TEXT NOT NULL, tier TEXT NOT NULL, size TEXT NOT NULL,
  door TEXT NOT NULL, pace INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX timing_of ON timing(engine, kind, tier, size, door, at);

-- Lines of a provider's bill. `account` is what the provider bills: a RunPod endpoint, a Modal app.
CREATE TABLE bill(
  account TEXT NOT NULL, starts_at INTEGER NOT NULL, ends_at INTEGER NOT NULL, amount_u INTEGER NOT NULL,
  provider TEXT NOT NULL, imported_at INTEGER NOT NULL, PRIMARY KEY(account, starts_at)) WITHOUT ROWID;
CREATE TABLE bill_account(
  account TEXT PRIMARY KEY, provider TEXT NOT NULL, door TEXT NOT NULL, engine TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
