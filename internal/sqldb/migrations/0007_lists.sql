-- +goose Up
-- Lists of conversations. SQLite uses a partial index only where the query has the index's own condition, word for word, so
-- there is one for each owner that is listed. None covers those with the bot, nor a time that each message moves: such an
-- index would be written with each message.

DROP INDEX conversation_owner;
CREATE INDEX conversation_queue ON conversation (tenant, queued_at, id) WHERE owner = 'queue';
CREATE INDEX conversation_agent ON conversation (tenant, updated_at, id) WHERE owner = 'agent';
CREATE INDEX conversation_closed ON conversation (tenant, updated_at, id) WHERE owner = 'closed' AND episode > 0;
