-- +goose Up
-- How many open conversations everybody has, for the counts beside staff's lists. No message writes these columns.
CREATE INDEX conversation_open ON conversation (tenant, owner, agent, site) WHERE owner <> 'closed';
