-- Schema of the store, version 5. One run = one transaction; rows are never updated.
-- The comments of columns are printed on the data page of every study, a unit first in brackets.
-- Times are nanoseconds of CLOCK_MONOTONIC of the host that ran; values are SI base units; NULL means "not known".
-- History: 1 (2026-11) first version. 2 (2026-11) loads of imported observations; version 1 is raised when it is opened.
-- 3 (2026-11) the server of each request; version 2 is raised when it is opened.
-- 4 (2026-11) whether the machine was steady after a cool-down; version 3 is raised when it is opened.
-- 5 (2026-11) prompts, verdicts, and reasoning apart from answers; version 4 is raised when it is opened.

CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL);

-- Hardware and software; `environment` is the digest of the fields that must agree for runs to be pooled.
-- `content` is the digest of everything, so that a changed kernel is kept although it does not forbid pooling.
CREATE TABLE IF NOT EXISTS environments (
    content     VARCHAR PRIMARY KEY,   -- digest of all facts; what runs name as `environment_content`
    environment VARCHAR NOT NULL,      -- digest of what must agree for runs to be pooled
    facts       JSON NOT NULL          -- processor, memory, GPUs, driver, system, versions of libraries
);

CREATE TABLE IF NOT EXISTS runs (
    run_id      VARCHAR PRIMARY KEY,   -- identifies the run in every table
    kind        VARCHAR NOT NULL,      -- run, prepare, calibrate, limit or control
    study       VARCHAR NOT NULL,      -- the study that asked for it first
    key         VARCHAR NOT NULL,      -- model and configuration: the cell
    model       VARCHAR NOT NULL,      -- id of the model
    engine      VARCHAR NOT NULL,      -- runtime engine
    provider    VARCHAR NOT NULL,      -- execution provider
    fingerprint VARCHAR NOT NULL,      -- digest of everything that could change a number
    repetition  INTEGER NOT NULL,      -- repetition, from 1; also the block
    position    INTEGER NOT NULL,      -- place in the seeded order of the study
    outcome     VARCHAR NOT NULL,      -- ok, failed, out_of_memory, timed_out, invalid, unsupported, unfaithful or not_run
    reason      VARCHAR,               -- why the outcome is not ok
    detail      VARCHAR,               -- traceback or log, without paths and names of the host
    started_at  VARCHAR NOT NULL,      -- [UTC, ISO 8601] when the run began
    duration_s  DOUBLE NOT NULL,       -- [s] length of the run, from the first phase to the last
    environment VARCHAR NOT NULL,      -- digest of what must agree for runs to be pooled
    environment_content VARCHAR NOT NULL, -- digest of all facts of the environment
    spec        JSON NOT NULL,         -- cell, workload and protocol as executed
    facts       JSON,                  -- what the engine reported after load
    flags       JSON NOT NULL,         -- validity flags
    missing     JSON NOT NULL          -- listed meters that could not be read
);

CREATE TABLE IF NOT EXISTS marks (
    run_id    VARCHAR NOT NULL,        -- the run the row belongs to
    phase     VARCHAR NOT NULL,        -- cooldown, start, load, compile, idle, warm-up, window, stop …
    start_ns  BIGINT NOT NULL,         -- [ns] begin of the phase, on the monotonic clock of the host
    end_ns    BIGINT NOT NULL,         -- [ns] end of the phase
    planned_s DOUBLE,                  -- [s] length the protocol asks for, where it does
    note      VARCHAR,                 -- remark
    steady    BOOLEAN                  -- whether the machine was steady after a cool-down that waits for it; absent from files of earlier versions
);

-- An error is written as "kind: text"; in records of earlier versions as the text alone.
CREATE TABLE IF NOT EXISTS requests (
    run_id          VARCHAR NOT NULL,  -- the run the row belongs to
    "index"         INTEGER NOT NULL,  -- place in the list of prompts, from 0
    start_ns        BIGINT NOT NULL,   -- [ns] sent by the client; in an open loop, when it was due
    end_ns          BIGINT NOT NULL,   -- [ns] last byte of the answer at the client
    first_token_ns  BIGINT,            -- [ns] first output token at the client, where answers are streamed
    server_start_ns BIGINT,            -- [ns] arrival at the server
    server_end_ns   BIGINT,            -- [ns] completion at the server
    token_ns        BIGINT[] NOT NULL, -- [ns] time of every output token
    prompt_tokens   INTEGER,           -- [tokens] length of the prompt
    output_tokens   INTEGER,           -- [tokens] length of the output
    finish_reason   VARCHAR,           -- why generation ended
    output_sha256   VARCHAR,           -- the output, in the table of outputs
    answered_by     VARCHAR,           -- name of the model the server says it used
    error           VARCHAR,           -- error of the request
    server          INTEGER,           -- number of the replica it was sent to; absent from files of earlier versions
    prompt_sha256   VARCHAR,           -- the text that was asked, in the table of prompts; absent from files of earlier versions
    rendered_sha256 VARCHAR,           -- the text the model saw, made of a conversation by its template, in the table of prompts
    reasoning_tokens INTEGER,          -- [tokens] those of the output that are reasoning, where the server tells them apart
    first_answer_ns BIGINT             -- [ns] first token at the client that is not reasoning, where answers are streamed
);

CREATE TABLE IF NOT EXISTS outputs (
    sha256    VARCHAR PRIMARY KEY,     -- digest that requests name
    text      VARCHAR NOT NULL,        -- the text
    token_ids INTEGER[] NOT NULL,      -- its tokens
    reasoning VARCHAR                  -- what came before the answer, where the server tells them apart; absent from files of earlier versions
);

-- Texts that were asked, and texts that a chat template made of them. The file is absent from exports of earlier versions.
CREATE TABLE IF NOT EXISTS prompts (
    sha256 VARCHAR PRIMARY KEY,        -- digest that requests name
    text   VARCHAR NOT NULL            -- the text
);

-- Judgements of answers; of several for one prompt and output, the latest counts. The file is absent where nothing was judged.
CREATE TABLE IF NOT EXISTS verdicts (
    prompt_sha256 VARCHAR NOT NULL,    -- the prompt, in the table of prompts
    output_sha256 VARCHAR NOT NULL,    -- the answer, in the table of outputs
    task          VARCHAR NOT NULL,    -- digest of what it was judged by: tests, expected text, version of the scorer
    code          VARCHAR NOT NULL,    -- passed, wrong, no_answer, error, timed_out, out_of_memory or refused
    detail        VARCHAR,             -- why it did not pass
    scored_at     VARCHAR NOT NULL,    -- [UTC, ISO 8601] when it was judged
    PRIMARY KEY (prompt_sha256, output_sha256, task)
);

CREATE TABLE IF NOT EXISTS traces (
    run_id   VARCHAR NOT NULL,         -- the run the row belongs to
    meter    VARCHAR NOT NULL,         -- instrument
    domain   VARCHAR NOT NULL,         -- what it reads: a package, memory, a GPU, the machine, a process tree
    quantity VARCHAR NOT NULL,         -- energy, power, load, memory, temperature …
    kind     VARCHAR NOT NULL,         -- counter (grows and may wrap) or gauge
    unit     VARCHAR NOT NULL,         -- unit of the values
    method   VARCHAR NOT NULL,         -- measured or estimated
    wrap_at  DOUBLE,                   -- [that of the row] value at which a counter starts again
    t_ns     BIGINT[] NOT NULL,        -- [ns] times of the samples, on the monotonic clock of the host
    value    DOUBLE[] NOT NULL         -- [that of the row] the samples
);

-- Results measured elsewhere, imported from the files of other tools.
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
    load          VARCHAR,             -- JSON list of [factor, level]
    factors       VARCHAR,             -- JSON list of [factor, level, whether levels are different work]
    statistic     VARCHAR,             -- mean, p99 … where the tool had aggregated the value already
    of_values     DOUBLE               -- of how many values the statistic is
);
