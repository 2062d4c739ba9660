-- +goose Up
-- What customers may call a member of staff, by their language; a JSON object or null.
ALTER TABLE staff ADD COLUMN shown TEXT NOT NULL DEFAULT 'null';
