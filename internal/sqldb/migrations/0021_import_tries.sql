-- +goose Up
-- How often an import was begun: one that takes its process with it each time must come to an end.
ALTER TABLE knowledge_import ADD COLUMN tries BIGINT NOT NULL DEFAULT 0;
