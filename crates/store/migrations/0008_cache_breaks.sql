-- Conversations whose cache at a provider was of much less use than before: what the record of the call
-- says of it, apart from the records, so that a time or a workspace can be asked for.
CREATE TABLE cache_breaks (
    generation_id TEXT   NOT NULL PRIMARY KEY,
    workspace_id  TEXT   NOT NULL,
    at_ms         BIGINT NOT NULL,
    session_id    TEXT,
    model         TEXT   NOT NULL,
    endpoint      TEXT   NOT NULL,
    said          TEXT   NOT NULL,
    lost_nanos    BIGINT NOT NULL,
    is_switch     BIGINT NOT NULL
);

CREATE INDEX cache_breaks_by_time ON cache_breaks (at_ms);
