-- What was gathered says where its records stand, until that is in the table of their month: ascending
-- positions as differences, the first from that of its minute. The new name keeps whoever does not know
-- that from taking anything away.
ALTER TABLE rollup_gathered RENAME TO gathered_records;
ALTER TABLE gathered_records ADD COLUMN places TEXT NOT NULL DEFAULT '';

-- Records by facet stand in a table of each month of its own, written in order (records/index). The months
-- that there are get theirs when the migration is done.
DROP INDEX generations_by_facet;
