-- +goose Up
-- How a member of staff likes their screens, and webhooks that change their secret while deliveries go on.

ALTER TABLE staff ADD COLUMN profile TEXT NOT NULL DEFAULT '{}'; -- JSON
--sqlite ALTER TABLE webhook ADD COLUMN secret_before BYTEA NOT NULL DEFAULT x'';
--postgres ALTER TABLE webhook ADD COLUMN secret_before BYTEA NOT NULL DEFAULT '';
ALTER TABLE webhook ADD COLUMN before_until BIGINT NOT NULL DEFAULT 0; -- until then, deliveries are signed with both
