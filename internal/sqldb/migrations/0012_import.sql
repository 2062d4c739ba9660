-- +goose Up
-- Imports of knowledge as jobs, and the pieces of their files until they are done.

CREATE TABLE knowledge_import (
    tenant      TEXT     NOT NULL,
    id          TEXT     NOT NULL,
    bot         TEXT     NOT NULL,
    name        TEXT     NOT NULL, -- of the file
    format      TEXT     NOT NULL,
    mapping     TEXT     NOT NULL, -- JSON: field to column names; empty: by the columns' names
    zone        TEXT     NOT NULL, -- of dates without one
    dry_run     SMALLINT NOT NULL,
    status      TEXT     NOT NULL, -- waiting, running, done, failed, undone
    total       BIGINT   NOT NULL DEFAULT 0, -- rows; 0 until the file was read
    done        BIGINT   NOT NULL DEFAULT 0,
    rows_read   BIGINT   NOT NULL DEFAULT 0,
    added       BIGINT   NOT NULL DEFAULT 0,
    changed     BIGINT   NOT NULL DEFAULT 0,
    skipped     BIGINT   NOT NULL DEFAULT 0,
    failed      BIGINT   NOT NULL DEFAULT 0,
    problems    TEXT     NOT NULL DEFAULT '[]', -- JSON
    error       TEXT     NOT NULL DEFAULT '',
    release     BIGINT   NOT NULL DEFAULT 0, -- that it made; 0: none
    actor       TEXT     NOT NULL,
    created_at  BIGINT   NOT NULL,
    done_at     BIGINT   NOT NULL DEFAULT 0,
    undone_at   BIGINT   NOT NULL DEFAULT 0,
    claim       TEXT     NOT NULL DEFAULT '', -- the process that works on it
    lease_until BIGINT   NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX knowledge_import_open ON knowledge_import (created_at) WHERE status IN ('waiting', 'running');

CREATE TABLE knowledge_import_piece (
    tenant     TEXT   NOT NULL,
    import     TEXT   NOT NULL,
    number     BIGINT NOT NULL,
    bytes      BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, import, number)
);
