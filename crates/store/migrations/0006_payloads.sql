-- Content of calls: where each payload lies, and the keys that open it; and what callers said of
-- answers. The payloads themselves are in segments, outside of the database.

-- A segment holds payloads of one workspace and one UTC day, so that retention drops it whole. Its key
-- is wrapped by the master key, the keys of its payloads by its own. States: writing, ready, gone.
CREATE TABLE payload_segments (
    id            TEXT   NOT NULL PRIMARY KEY,
    workspace_id  TEXT   NOT NULL,
    day           BIGINT NOT NULL,
    node_id       TEXT   NOT NULL,
    state         TEXT   NOT NULL,
    data_key      TEXT   NOT NULL,
    length_bytes  BIGINT NOT NULL,
    dead_bytes    BIGINT NOT NULL,
    claimed_to_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL
);

CREATE INDEX payload_segments_by_day ON payload_segments (workspace_id, day);

-- Deleting a row is deleting the payload: nothing else can open it.
CREATE TABLE payloads (
    generation_id TEXT   NOT NULL PRIMARY KEY,
    segment_id    TEXT   NOT NULL,
    start_byte    BIGINT NOT NULL,
    length_bytes  BIGINT NOT NULL,
    data_key      TEXT   NOT NULL,
    key_hash      TEXT   NOT NULL,
    created_at_ms BIGINT NOT NULL
);

CREATE INDEX payloads_by_segment ON payloads (segment_id);

CREATE TABLE feedback (
    id            TEXT   NOT NULL PRIMARY KEY,
    generation_id TEXT   NOT NULL,
    workspace_id  TEXT   NOT NULL,
    key_hash      TEXT   NOT NULL,
    model         TEXT   NOT NULL,
    category      TEXT   NOT NULL,
    comment       TEXT,
    created_at_ms BIGINT NOT NULL
);

CREATE INDEX feedback_by_generation ON feedback (generation_id, created_at_ms);

CREATE INDEX feedback_by_workspace ON feedback (workspace_id, created_at_ms);
