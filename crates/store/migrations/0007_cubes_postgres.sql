-- Cubes: what hours and days that are over add up to by few parts of a facet (records/cube.rs), so
-- that a question by these reads few rows. Filled by a job, bucket by bucket (records/seal.rs).

-- Answers whose tool calls do not fit are counted as well. A replica that does not know yet leaves
-- them out.
ALTER TABLE rollup_minutes ADD COLUMN invalid_tools BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rollup_hours ADD COLUMN invalid_tools BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rollup_days ADD COLUMN invalid_tools BIGINT NOT NULL DEFAULT 0;

-- The combinations that cubes count by: what a cube leaves out is empty, or 0.
CREATE TABLE cube_facets (
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
    error_kind   TEXT   NOT NULL
);

-- Which hours and days are sealed: those from the first on, until before the other, but for the open
-- ones. `grain` is the name of the table of their facets.
CREATE TABLE rollup_seals (
    grain        TEXT   NOT NULL PRIMARY KEY,
    from_bucket  BIGINT NOT NULL,
    until_bucket BIGINT NOT NULL
);

-- Those that are being added up, or must be again because calls have come late. `next_facet` says how
-- far that has come.
CREATE TABLE rollup_open (
    grain      TEXT   NOT NULL,
    bucket     BIGINT NOT NULL,
    next_facet BIGINT NOT NULL,
    PRIMARY KEY (grain, bucket)
);

CREATE TABLE cube_hours (
    cube                 BIGINT NOT NULL,
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
    invalid_tools        BIGINT NOT NULL DEFAULT 0,
    first_token_sketch   TEXT   NOT NULL,
    total_sketch         TEXT   NOT NULL,
    speed_sketch         TEXT   NOT NULL,
    PRIMARY KEY (cube, bucket, facet)
);

CREATE TABLE cube_days (
    cube                 BIGINT NOT NULL,
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
    invalid_tools        BIGINT NOT NULL DEFAULT 0,
    first_token_sketch   TEXT   NOT NULL,
    total_sketch         TEXT   NOT NULL,
    speed_sketch         TEXT   NOT NULL,
    PRIMARY KEY (cube, bucket, facet)
);
