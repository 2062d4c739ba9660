-- +goose Up
-- What bots know. A release is a number: release R of a bot is all rows with from_release <= R < to_release, and it is
-- published when bot.release reaches it. Rows above bot.release belong to a change that is still being written.

CREATE TABLE bot (
    tenant       TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    release      BIGINT NOT NULL, -- the newest published one, 0 before the first
    changed_at   BIGINT NOT NULL,
    writer       TEXT   NOT NULL DEFAULT '', -- holds the bot for a change of many rows
    writer_until BIGINT NOT NULL DEFAULT 0,  -- after this the writer is dead and its rows are rubbish
    PRIMARY KEY (tenant, id)
) /*WITHOUT ROWID*/;

CREATE TABLE bot_release (
    tenant  TEXT   NOT NULL,
    bot     TEXT   NOT NULL,
    number  BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    actor   TEXT   NOT NULL,
    reason  TEXT   NOT NULL, -- put, delete, import, rollback
    source  BIGINT NOT NULL DEFAULT 0, -- rollback: the release whose content this is
    added   BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    PRIMARY KEY (tenant, bot, number)
) /*WITHOUT ROWID*/;

CREATE TABLE bot_entry (
    tenant       TEXT   NOT NULL,
    bot          TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    from_release BIGINT NOT NULL,
    to_release   BIGINT NOT NULL, -- 9223372036854775807 while current
    question     TEXT   NOT NULL,
    wordings     TEXT   NOT NULL, -- JSON list
    negatives    TEXT   NOT NULL, -- JSON list
    answer       TEXT   NOT NULL,
    lang         TEXT   NOT NULL,
    category     TEXT   NOT NULL,
    valid_from   BIGINT NOT NULL,
    valid_to     BIGINT NOT NULL,
    hash         TEXT   NOT NULL,
    PRIMARY KEY (tenant, bot, id, from_release)
);
-- What ended between two releases, and what a release holds.
CREATE INDEX bot_entry_to ON bot_entry (tenant, bot, to_release);
-- What began between two releases, and the last changed first.
CREATE INDEX bot_entry_from ON bot_entry (tenant, bot, from_release, id);
