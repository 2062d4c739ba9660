-- +goose Up
-- Read models that open what a figure counts: which conversation it was, and how often each entry answered.

CREATE TABLE insight_figure (
    tenant       TEXT   NOT NULL,
    figure       TEXT   NOT NULL, -- opened, answered, clarified, not_known, handed_over, solved, ..
    at           BIGINT NOT NULL,
    conversation TEXT   NOT NULL,
    seq          BIGINT NOT NULL, -- of the message it is about; 0 if it is about none
    site         TEXT   NOT NULL,
    PRIMARY KEY (tenant, figure, at, conversation, seq)
) /*WITHOUT ROWID*/;

CREATE TABLE insight_entry (
    tenant   TEXT   NOT NULL,
    entry    TEXT   NOT NULL,
    day      BIGINT NOT NULL, -- its first microsecond, UTC
    answered BIGINT NOT NULL,
    PRIMARY KEY (tenant, entry, day)
) /*WITHOUT ROWID*/;
CREATE INDEX insight_entry_day ON insight_entry (tenant, day);
