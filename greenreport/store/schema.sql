-- Schema of the store, version 4. One run = one transaction; rows are never updated.
-- Times are nanoseconds of CLOCK_MONOTONIC of the host that ran; values are SI base units; NULL means "not known".
-- History: 1 (2026-11) first version. 2 (2026-11) loads of imported observations; version 1 is raised when it is opened.
-- 3 (2026-11) the server of each request; version 2 is raised when it is opened.
-- 4 (2026-11) whether the machine was steady after a cool-down; version 3 is raised when it is opened.

CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL);

-- Hardware and software; `environment` is the digest of the fields that must agree for runs to be pooled.
-- `content` is the digest of everything, so that a changed kernel is kept although it does not forbid pooling.
CREATE TABLE IF NOT EXISTS environments (
    content     VARCHAR PRIMARY KEY,
    environment VARCHAR NOT NULL,
    facts       JSON NOT NULL
);

CREATE TABLE IF NOT EXISTS runs (
    run_id      VARCHAR PRIMARY KEY,
    kind        VARCHAR NOT NULL,      -- run | prepare | calibrate | limit
    study       VARCHAR NOT NULL,      -- the study that asked for it first
    key         VARCHAR NOT NULL,      -- <model>/<configuration>
    model       VARCHAR NOT NULL,
    engine      VARCHAR NOT NULL,
    provider    VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,      -- sha256 of all that could change a number
    repetition  INTEGER NOT NULL,      -- = block, from 1
    position    INTEGER NOT NULL,      -- place in the seeded order of the study
    outcome     VARCHAR NOT NULL,      -- ok | failed | out_of_memory | timed_out | invalid | unsupported | unfaithful
    reason      VARCHAR,
    detail      VARCHAR,               -- traceback or log, without paths and names of this host
    started_at  VARCHAR NOT NULL,      -- UTC, ISO 8601
    duration_s  DOUBLE NOT NULL,
    environment VARCHAR NOT NULL,
    environment_content VARCHAR NOT NULL,
    spec        JSON NOT NULL,         -- cell, workload and protocol as executed
    facts       JSON,                  -- what the engine reported after load
    flags       JSON NOT NULL,         -- validity flags
    missing     JSON NOT NULL          -- listed meters that could not be read
);

CREATE TABLE IF NOT EXISTS marks (
    run_id    VARCHAR NOT NULL,
    phase     VARCHAR NOT NULL,
    start_ns  BIGINT NOT NULL,
    end_ns    BIGINT NOT NULL,
    planned_s DOUBLE,
    note      VARCHAR,
    steady    BOOLEAN                  -- was the machine steady at the end of a cool-down that waits for it
);

CREATE TABLE IF NOT EXISTS requests (
    run_id          VARCHAR NOT NULL,
    "index"         INTEGER NOT NULL,
    start_ns        BIGINT NOT NULL,
    end_ns          BIGINT NOT NULL,
    first_token_ns  BIGINT,
    server_start_ns BIGINT,
    server_end_ns   BIGINT,
    token_ns        BIGINT[] NOT NULL,
    prompt_tokens   INTEGER,
    output_tokens   INTEGER,
    finish_reason   VARCHAR,
    output_sha256   VARCHAR,
    answered_by     VARCHAR,
    error           VARCHAR,           -- why it failed, as "kind: text"; the text alone in earlier records
    server          INTEGER            -- which of the replicas answered, from 0
);

CREATE TABLE IF NOT EXISTS outputs (
    sha256    VARCHAR PRIMARY KEY,
    text      VARCHAR NOT NULL,
    token_ids INTEGER[] NOT NULL
);

CREATE TABLE IF NOT EXISTS traces (
    run_id   VARCHAR NOT NULL,
    meter    VARCHAR NOT NULL,
    domain   VARCHAR NOT NULL,
    quantity VARCHAR NOT NULL,
    kind     VARCHAR NOT NULL,         -- counter | gauge
    unit     VARCHAR NOT NULL,
    method   VARCHAR NOT NULL,         -- measured | estimated
    wrap_at  DOUBLE,
    t_ns     BIGINT[] NOT NULL,
    value    DOUBLE[] NOT NULL
);

-- Results measured elsewhere, imported from a tidy table.
CREATE TABLE IF NOT EXISTS observations (
    study         VARCHAR NOT NULL,
    model         VARCHAR NOT NULL,
    size_category VARCHAR,
    engine        VARCHAR NOT NULL,
    provider      VARCHAR NOT NULL,
    repetition    INTEGER NOT NULL,
    metric        VARCHAR NOT NULL,
    value         DOUBLE NOT NULL,
    unit          VARCHAR NOT NULL,
    host          VARCHAR,
    source        VARCHAR NOT NULL,    -- name and sha256 of the file
    load          VARCHAR              -- JSON list of [factor, level]
);
