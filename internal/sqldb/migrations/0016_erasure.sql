-- +goose Up
-- Who was erased and when, without who they were. What a restored backup has of them is erased again by it.
CREATE TABLE erasure (
    tenant  TEXT   NOT NULL,
    person  TEXT   NOT NULL, -- a contact's id
    at      BIGINT NOT NULL,
    actor   TEXT   NOT NULL,
    events  BIGINT NOT NULL DEFAULT 0, -- the event log holds none of their words up to this position
    done_at BIGINT NOT NULL DEFAULT 0, -- when the last of their messages was emptied
    PRIMARY KEY (tenant, person)
) /*WITHOUT ROWID*/;
