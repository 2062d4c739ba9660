-- +goose Up
-- What is removed when it is old is found by its age.

CREATE INDEX trace_at ON trace (at);
CREATE INDEX effect_taken ON effect (created_at) WHERE status = 'taken';
