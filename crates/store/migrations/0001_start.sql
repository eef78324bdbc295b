-- Keys, workspaces, generations, settings and the feed of changes. One text for both engines.
--
-- Whole numbers are BIGINT (flags are 0 and 1, times are Unix milliseconds, money is nano-USD),
-- everything else is TEXT. Nothing else exists in both engines and in the Any driver alike.

CREATE TABLE workspaces (
    id            TEXT   NOT NULL PRIMARY KEY,
    slug          TEXT   NOT NULL UNIQUE,
    name          TEXT   NOT NULL,
    description   TEXT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT
);

-- `hash` is the lowercase hex SHA-256 of the whole key; the key itself is nowhere.
CREATE TABLE keys (
    hash                  TEXT   NOT NULL PRIMARY KEY,
    label                 TEXT   NOT NULL,
    name                  TEXT   NOT NULL,
    workspace_id          TEXT   NOT NULL REFERENCES workspaces (id),
    is_management         BIGINT NOT NULL,
    disabled              BIGINT NOT NULL,
    limit_nanos           BIGINT,
    limit_reset           TEXT,
    include_byok_in_limit BIGINT NOT NULL,
    creator_user_id       TEXT,
    created_at_ms         BIGINT NOT NULL,
    updated_at_ms         BIGINT,
    expires_at_ms         BIGINT
);

CREATE INDEX keys_by_workspace ON keys (workspace_id, created_at_ms);

-- What a key spent on one UTC day (days since 1970-01-01). Moved in the transaction that inserts
-- the generations. No reference to `keys`: a deleted key's spending stays.
CREATE TABLE key_usage (
    key_hash         TEXT   NOT NULL,
    day              BIGINT NOT NULL,
    workspace_id     TEXT   NOT NULL,
    usage_nanos      BIGINT NOT NULL,
    byok_usage_nanos BIGINT NOT NULL,
    requests         BIGINT NOT NULL,
    PRIMARY KEY (key_hash, day, workspace_id)
);

CREATE INDEX key_usage_by_workspace ON key_usage (workspace_id);

-- One row per finished call. Columns for what will be filtered and sorted by, JSON text for the
-- rest. Indexes come with the first query that needs one: each costs every insert.
CREATE TABLE generations (
    id                   TEXT   NOT NULL PRIMARY KEY,
    created_at_ms        BIGINT NOT NULL,
    workspace_id         TEXT   NOT NULL,
    key_hash             TEXT   NOT NULL,
    http_referer         TEXT,
    app_title            TEXT,
    user_agent           TEXT,
    session_id           TEXT,
    external_user        TEXT,
    dialect              TEXT   NOT NULL,
    requested_model      TEXT   NOT NULL,
    model                TEXT   NOT NULL,
    endpoint             TEXT,
    provider             TEXT,
    provider_name        TEXT,
    upstream_id          TEXT,
    attempts             TEXT   NOT NULL,
    streamed             BIGINT NOT NULL,
    cancelled            BIGINT NOT NULL,
    status               BIGINT NOT NULL,
    outcome              TEXT   NOT NULL,
    error_kind           TEXT,
    error_message        TEXT,
    finish_reason        TEXT,
    native_finish_reason TEXT,
    prompt_tokens        BIGINT NOT NULL,
    completion_tokens    BIGINT NOT NULL,
    usage                TEXT   NOT NULL,
    native_usage         TEXT,
    native_cost_nanos    BIGINT,
    usage_source         TEXT   NOT NULL,
    price_sheet          TEXT,
    cost_nanos           BIGINT,
    bill                 TEXT,
    unpriced             TEXT,
    first_token_ms       BIGINT,
    total_ms             BIGINT NOT NULL,
    overhead_us          BIGINT NOT NULL,
    dropped              TEXT   NOT NULL
);

CREATE TABLE settings (
    name          TEXT   NOT NULL PRIMARY KEY,
    value         TEXT   NOT NULL,
    revision      BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);

-- The feed of changes. The one row of `revisions` is locked by every change until it commits, so
-- revisions become visible in order and without a gap.
CREATE TABLE revisions (
    id       BIGINT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL
);

INSERT INTO revisions (id, revision) VALUES (1, 0);

CREATE TABLE changes (
    revision   BIGINT NOT NULL PRIMARY KEY,
    noun       TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    changed_at_ms BIGINT NOT NULL
);
