-- +goose Up
-- What lies outside the conversation: attachments, and what is sent to foreign systems.

-- The bytes lie in the blob folder under their hash; several rows may point to the same bytes.
CREATE TABLE attachment (
    tenant       TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    conversation TEXT   NOT NULL,
    sha256       TEXT   NOT NULL,
    type         TEXT   NOT NULL, -- found by looking at the bytes
    size         BIGINT NOT NULL,
    name         TEXT   NOT NULL,
    width        BIGINT NOT NULL DEFAULT 0,
    height       BIGINT NOT NULL DEFAULT 0,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX attachment_conversation ON attachment (tenant, conversation);
CREATE INDEX attachment_sha256 ON attachment (sha256);

CREATE TABLE webhook (
    tenant     TEXT     NOT NULL,
    id         TEXT     NOT NULL,
    url        TEXT     NOT NULL,
    secret     BYTEA    NOT NULL, -- sealed under the tenant's key
    types      TEXT     NOT NULL, -- JSON list of event types; empty means all
    active     SMALLINT NOT NULL,
    created_at BIGINT   NOT NULL,
    updated_at BIGINT   NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- What has to reach a foreign system, at least once. Kept for a while after, so that it can be sent again.
CREATE TABLE outbox (
    tenant          TEXT     NOT NULL,
    id              TEXT     NOT NULL,
    channel         TEXT     NOT NULL, -- which sender
    target          TEXT     NOT NULL, -- where to, in the sender's words: a webhook's id
    payload         BYTEA    NOT NULL,
    idempotency_key TEXT     NOT NULL,
    status          TEXT     NOT NULL, -- ready, done, dead
    attempts        BIGINT   NOT NULL DEFAULT 0, -- since it was put or replayed
    tries           BIGINT   NOT NULL DEFAULT 0, -- ever
    due_at          BIGINT   NOT NULL,
    claim           TEXT     NOT NULL DEFAULT '', -- who is sending it
    lease_until     BIGINT   NOT NULL DEFAULT 0,
    last_error      TEXT     NOT NULL DEFAULT '',
    last_status     BIGINT   NOT NULL DEFAULT 0, -- of the last answer
    created_at      BIGINT   NOT NULL,
    done_at         BIGINT   NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX outbox_key ON outbox (tenant, idempotency_key);
CREATE INDEX outbox_due ON outbox (due_at) WHERE status = 'ready';
CREATE INDEX outbox_target ON outbox (tenant, channel, target, id);
CREATE INDEX outbox_failing ON outbox (tenant, channel, target) WHERE last_error <> '';
CREATE INDEX outbox_created ON outbox (created_at) WHERE status <> 'ready';

CREATE TABLE outbox_attempt (
    tenant      TEXT   NOT NULL,
    item        TEXT   NOT NULL,
    number      BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    status      BIGINT NOT NULL, -- of the answer; 0 if there was none
    latency_us  BIGINT NOT NULL,
    error       TEXT   NOT NULL,
    response    TEXT   NOT NULL, -- the first of what was answered
    PRIMARY KEY (tenant, item, number)
);
