-- +goose Up
-- Why nothing is to be answered, in the words of whoever decided it.
ALTER TABLE unanswered ADD COLUMN reason TEXT NOT NULL DEFAULT '';
