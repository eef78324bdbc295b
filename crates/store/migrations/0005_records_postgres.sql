-- Records by month, and roll-ups. What was recorded before moves in when the migration is done
-- (records/adopt.rs).

ALTER TABLE generations RENAME TO generations_before;

-- `position` follows from the id, and is the order of time.
-- `facet` names the combination of what is counted by.
CREATE TABLE generations (
    position             BIGINT NOT NULL PRIMARY KEY,
    facet                BIGINT NOT NULL,
    id                   TEXT   NOT NULL,
    created_at_ms        BIGINT NOT NULL,
    cost_nanos           BIGINT,
    total_ms             BIGINT NOT NULL,
    first_token_ms       BIGINT,
    overhead_us          BIGINT NOT NULL,
    status               BIGINT NOT NULL,
    streamed             BIGINT NOT NULL,
    cancelled            BIGINT NOT NULL,
    prompt_tokens        BIGINT NOT NULL,
    completion_tokens    BIGINT NOT NULL,
    native_cost_nanos    BIGINT,
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
    outcome              TEXT   NOT NULL,
    error_kind           TEXT,
    error_message        TEXT,
    finish_reason        TEXT,
    native_finish_reason TEXT,
    usage_source         TEXT   NOT NULL,
    unpriced             TEXT,
    usage                TEXT   NOT NULL,
    native_usage         TEXT,
    price_sheet          TEXT,
    bill                 TEXT,
    attempts             TEXT   NOT NULL,
    dropped              TEXT   NOT NULL,
    postings             TEXT,
    plan                 TEXT
) PARTITION BY RANGE (position);

-- One index for every filter by what is counted by.
CREATE INDEX generations_by_facet ON generations (facet, position);

CREATE INDEX generations_by_session ON generations (session_id, position)
WHERE session_id IS NOT NULL;

-- The combinations that calls are counted by, each once. `member` is who made the key, when the
-- combination was first seen.
CREATE TABLE facets (
    id           BIGINT NOT NULL PRIMARY KEY,
    workspace_id TEXT   NOT NULL,
    key_hash     TEXT   NOT NULL,
    member       TEXT,
    dialect      TEXT   NOT NULL,
    app          TEXT   NOT NULL,
    origin       TEXT   NOT NULL,
    model        TEXT   NOT NULL,
    provider     TEXT   NOT NULL,
    endpoint     TEXT   NOT NULL,
    status       BIGINT NOT NULL,
    outcome      TEXT   NOT NULL,
    error_kind   TEXT   NOT NULL,
    first_ms     BIGINT NOT NULL,
    last_ms      BIGINT NOT NULL
);

CREATE INDEX facets_by_key ON facets (key_hash);

-- What batches of records add to the roll-ups, until it is merged into them. `position` is the first
-- of the batch, `from_ms` the earliest time in it.
CREATE TABLE rollup_deltas (
    position BIGINT NOT NULL PRIMARY KEY,
    from_ms  BIGINT NOT NULL,
    counts   TEXT   NOT NULL
);

-- How far back minutes, hours and records go: nothing before is promised. Unix milliseconds.
CREATE TABLE record_horizons (
    name  TEXT   NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL
);

-- The agent runs: what the calls of a session add up to.
CREATE TABLE sessions (
    workspace_id      TEXT   NOT NULL,
    session_id        TEXT   NOT NULL,
    key_hash          TEXT   NOT NULL,
    first_ms          BIGINT NOT NULL,
    last_ms           BIGINT NOT NULL,
    calls             BIGINT NOT NULL,
    failed            BIGINT NOT NULL,
    unpriced          BIGINT NOT NULL,
    cost_nanos        BIGINT NOT NULL,
    cache_saved_nanos BIGINT NOT NULL,
    prompt_tokens     BIGINT NOT NULL,
    cached_tokens     BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    total_ms          BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, session_id)
);

-- What the calls of a month posted to each budget window, so that the sum of a window's calls is
-- known when the calls are gone. `month` counts from January 1970.
CREATE TABLE month_postings (
    month        BIGINT NOT NULL,
    budget_id    TEXT   NOT NULL,
    window_kind  TEXT   NOT NULL,
    window_start BIGINT NOT NULL,
    posted_nanos BIGINT NOT NULL,
    PRIMARY KEY (month, budget_id, window_kind, window_start)
);

-- What was counted, by minute, hour and day (since 1970) and facet. Units of usage have their own
-- names; the three sketches are of times to the first token, whole times and speeds.
CREATE TABLE rollup_minutes (
    bucket               BIGINT NOT NULL,
    facet                BIGINT NOT NULL,
    calls                BIGINT NOT NULL,
    failed               BIGINT NOT NULL,
    cancelled            BIGINT NOT NULL,
    streamed             BIGINT NOT NULL,
    unpriced             BIGINT NOT NULL,
    truncated            BIGINT NOT NULL,
    filtered             BIGINT NOT NULL,
    tool_calls           BIGINT NOT NULL,
    attempts             BIGINT NOT NULL,
    wasted_attempts      BIGINT NOT NULL,
    dropped_parameters   BIGINT NOT NULL,
    cost_nanos           BIGINT NOT NULL,
    byok_nanos           BIGINT NOT NULL,
    cache_saved_nanos    BIGINT NOT NULL,
    wasted_nanos         BIGINT NOT NULL,
    prompt_nanos         BIGINT NOT NULL,
    completion_nanos     BIGINT NOT NULL,
    search_nanos         BIGINT NOT NULL,
    input                BIGINT NOT NULL,
    cache_read           BIGINT NOT NULL,
    cache_write          BIGINT NOT NULL,
    cache_write_1h       BIGINT NOT NULL,
    input_audio          BIGINT NOT NULL,
    input_image          BIGINT NOT NULL,
    output               BIGINT NOT NULL,
    reasoning            BIGINT NOT NULL,
    output_audio         BIGINT NOT NULL,
    output_image         BIGINT NOT NULL,
    request              BIGINT NOT NULL,
    web_search           BIGINT NOT NULL,
    overhead_us          BIGINT NOT NULL,
    first_token_ms       BIGINT NOT NULL,
    first_tokens         BIGINT NOT NULL,
    total_ms             BIGINT NOT NULL,
    generating_ms        BIGINT NOT NULL,
    generated_tokens     BIGINT NOT NULL,
    max_cost_nanos       BIGINT NOT NULL,
    max_total_ms         BIGINT NOT NULL,
    first_token_sketch   TEXT   NOT NULL,
    total_sketch         TEXT   NOT NULL,
    speed_sketch         TEXT   NOT NULL,
    PRIMARY KEY (bucket, facet)
);

CREATE TABLE rollup_hours (
    bucket               BIGINT NOT NULL,
    facet                BIGINT NOT NULL,
    calls                BIGINT NOT NULL,
    failed               BIGINT NOT NULL,
    cancelled            BIGINT NOT NULL,
    streamed             BIGINT NOT NULL,
    unpriced             BIGINT NOT NULL,
    truncated            BIGINT NOT NULL,
    filtered             BIGINT NOT NULL,
    tool_calls           BIGINT NOT NULL,
    attempts             BIGINT NOT NULL,
    wasted_attempts      BIGINT NOT NULL,
    dropped_parameters   BIGINT NOT NULL,
    cost_nanos           BIGINT NOT NULL,
    byok_nanos           BIGINT NOT NULL,
    cache_saved_nanos    BIGINT NOT NULL,
    wasted_nanos         BIGINT NOT NULL,
    prompt_nanos         BIGINT NOT NULL,
    completion_nanos     BIGINT NOT NULL,
    search_nanos         BIGINT NOT NULL,
    input                BIGINT NOT NULL,
    cache_read           BIGINT NOT NULL,
    cache_write          BIGINT NOT NULL,
    cache_write_1h       BIGINT NOT NULL,
    input_audio          BIGINT NOT NULL,
    input_image          BIGINT NOT NULL,
    output               BIGINT NOT NULL,
    reasoning            BIGINT NOT NULL,
    output_audio         BIGINT NOT NULL,
    output_image         BIGINT NOT NULL,
    request              BIGINT NOT NULL,
    web_search           BIGINT NOT NULL,
    overhead_us          BIGINT NOT NULL,
    first_token_ms       BIGINT NOT NULL,
    first_tokens         BIGINT NOT NULL,
    total_ms             BIGINT NOT NULL,
    generating_ms        BIGINT NOT NULL,
    generated_tokens     BIGINT NOT NULL,
    max_cost_nanos       BIGINT NOT NULL,
    max_total_ms         BIGINT NOT NULL,
    first_token_sketch   TEXT   NOT NULL,
    total_sketch         TEXT   NOT NULL,
    speed_sketch         TEXT   NOT NULL,
    PRIMARY KEY (bucket, facet)
);

CREATE TABLE rollup_days (
    bucket               BIGINT NOT NULL,
    facet                BIGINT NOT NULL,
    calls                BIGINT NOT NULL,
    failed               BIGINT NOT NULL,
    cancelled            BIGINT NOT NULL,
    streamed             BIGINT NOT NULL,
    unpriced             BIGINT NOT NULL,
    truncated            BIGINT NOT NULL,
    filtered             BIGINT NOT NULL,
    tool_calls           BIGINT NOT NULL,
    attempts             BIGINT NOT NULL,
    wasted_attempts      BIGINT NOT NULL,
    dropped_parameters   BIGINT NOT NULL,
    cost_nanos           BIGINT NOT NULL,
    byok_nanos           BIGINT NOT NULL,
    cache_saved_nanos    BIGINT NOT NULL,
    wasted_nanos         BIGINT NOT NULL,
    prompt_nanos         BIGINT NOT NULL,
    completion_nanos     BIGINT NOT NULL,
    search_nanos         BIGINT NOT NULL,
    input                BIGINT NOT NULL,
    cache_read           BIGINT NOT NULL,
    cache_write          BIGINT NOT NULL,
    cache_write_1h       BIGINT NOT NULL,
    input_audio          BIGINT NOT NULL,
    input_image          BIGINT NOT NULL,
    output               BIGINT NOT NULL,
    reasoning            BIGINT NOT NULL,
    output_audio         BIGINT NOT NULL,
    output_image         BIGINT NOT NULL,
    request              BIGINT NOT NULL,
    web_search           BIGINT NOT NULL,
    overhead_us          BIGINT NOT NULL,
    first_token_ms       BIGINT NOT NULL,
    first_tokens         BIGINT NOT NULL,
    total_ms             BIGINT NOT NULL,
    generating_ms        BIGINT NOT NULL,
    generated_tokens     BIGINT NOT NULL,
    max_cost_nanos       BIGINT NOT NULL,
    max_total_ms         BIGINT NOT NULL,
    first_token_sketch   TEXT   NOT NULL,
    total_sketch         TEXT   NOT NULL,
    speed_sketch         TEXT   NOT NULL,
    PRIMARY KEY (bucket, facet)
);
