-- Records by facet stand in a table of each month of its own, written in order (records/index). The months
-- that there are get theirs when the migration is done, and lose their old index then.
DROP INDEX generations_template_by_facet;

-- What was gathered says where its records stand, until that is in the table of their month: ascending
-- positions as differences, the first from that of its minute. The new name keeps whoever does not know
-- that from taking anything away.
ALTER TABLE rollup_gathered RENAME TO gathered_records;
ALTER TABLE gathered_records ADD COLUMN places TEXT NOT NULL DEFAULT '';

-- One tree to change for what a key spends in a day instead of two.
CREATE TABLE key_usage_anew (
    key_hash         TEXT   NOT NULL,
    day              BIGINT NOT NULL,
    workspace_id     TEXT   NOT NULL,
    usage_nanos      BIGINT NOT NULL,
    byok_usage_nanos BIGINT NOT NULL,
    requests         BIGINT NOT NULL,
    PRIMARY KEY (key_hash, day, workspace_id)
) WITHOUT ROWID;

INSERT INTO key_usage_anew
SELECT key_hash, day, workspace_id, usage_nanos, byok_usage_nanos, requests FROM key_usage
ORDER BY key_hash, day, workspace_id;

DROP TABLE key_usage;

ALTER TABLE key_usage_anew RENAME TO key_usage;

CREATE INDEX key_usage_by_workspace ON key_usage (workspace_id);
