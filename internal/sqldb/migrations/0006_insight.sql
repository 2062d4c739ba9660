-- +goose Up
-- Read models built from the event log: what the home page shows, and questions nobody could answer.

CREATE TABLE insight_hour (
    tenant         TEXT   NOT NULL,
    hour           BIGINT NOT NULL, -- its first microsecond, UTC
    site           TEXT   NOT NULL,
    conversations  BIGINT NOT NULL, -- opened
    messages       BIGINT NOT NULL, -- of customers
    turns          BIGINT NOT NULL, -- a turn may answer several questions
    answered       BIGINT NOT NULL, -- questions that got an answer
    clarified      BIGINT NOT NULL, -- questions that were asked back about
    guided         BIGINT NOT NULL, -- steps of flows
    unknown        BIGINT NOT NULL, -- questions that got: I do not know
    handed_over    BIGINT NOT NULL, -- times the bot gave a conversation to people
    solved         BIGINT NOT NULL, -- the customer's word on an answer
    unsolved       BIGINT NOT NULL,
    closed         BIGINT NOT NULL, -- conversations closed, and with which outcome
    end_confirmed  BIGINT NOT NULL,
    end_assumed    BIGINT NOT NULL,
    end_handed     BIGINT NOT NULL,
    end_left       BIGINT NOT NULL,
    end_unknown    BIGINT NOT NULL,
    first_count    BIGINT NOT NULL, -- turns that replied, from the customer's last message to the reply, and how many took up to so long
    first_sum_us   BIGINT NOT NULL,
    first_10ms     BIGINT NOT NULL,
    first_100ms    BIGINT NOT NULL,
    first_1s       BIGINT NOT NULL,
    first_5s       BIGINT NOT NULL,
    first_30s      BIGINT NOT NULL,
    first_2m       BIGINT NOT NULL,
    first_10m      BIGINT NOT NULL,
    first_longer   BIGINT NOT NULL,
    first_max_us   BIGINT NOT NULL,
    PRIMARY KEY (tenant, hour, site)
) /*WITHOUT ROWID*/;

-- One row: the time of the newest event that is counted.
CREATE TABLE insight_seen (
    id SMALLINT PRIMARY KEY,
    at BIGINT   NOT NULL
);

CREATE TABLE unanswered (
    tenant       TEXT   NOT NULL,
    id           TEXT   NOT NULL, -- of all spellings of the same words
    question     TEXT   NOT NULL, -- as asked last, personal data masked
    lang         TEXT   NOT NULL,
    site         TEXT   NOT NULL,
    asked        BIGINT NOT NULL, -- how often
    first_at     BIGINT NOT NULL,
    last_at      BIGINT NOT NULL,
    conversation TEXT   NOT NULL, -- the last one it was asked in
    status       TEXT   NOT NULL, -- open, done (open again when asked again), ignored
    entry        TEXT   NOT NULL DEFAULT '', -- what answers it now
    status_at    BIGINT NOT NULL,
    status_by    TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id)
);
CREATE INDEX unanswered_often ON unanswered (tenant, status, asked, id);
CREATE INDEX unanswered_last ON unanswered (tenant, status, last_at, id);
