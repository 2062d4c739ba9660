-- +goose Up
-- Lists of the conversations with the bot and of all, by when they were opened: neither that nor the owner is written by a
-- message, so these indexes are not either.

CREATE INDEX conversation_bot ON conversation (tenant, opened_at, id) WHERE owner = 'bot';
CREATE INDEX conversation_opened ON conversation (tenant, opened_at, id) WHERE episode > 0;

-- The release that answers is each turn's (ADR 9) and stands in its trace; which change opened an episode is known to who
-- opens it.
ALTER TABLE conversation DROP COLUMN release;
ALTER TABLE conversation DROP COLUMN opened_seq;
ALTER TABLE episode DROP COLUMN release;
