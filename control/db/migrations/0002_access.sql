-- Browser sessions and one-time login links lie beside the bearer tokens, each under the hash of its secret.
ALTER TABLE token ADD COLUMN kind TEXT NOT NULL DEFAULT 'bearer' CHECK(kind IN ('bearer','session','link'));
