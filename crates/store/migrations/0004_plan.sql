-- Why a call went where it went: one JSON text of a few hundred bytes, as the catalog writes it.

ALTER TABLE generations ADD COLUMN plan TEXT;
