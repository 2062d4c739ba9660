-- +goose Up
-- The index that staff search by: one and two characters of what stands in messages and names, never the text itself. A row
-- number is its space (a tenant's messages, or its customers) times 2^40 plus a number that rises, so a range of rows is
-- one tenant's and the last is the newest.

--sqlite CREATE TABLE search_space (id INTEGER PRIMARY KEY,
--postgres CREATE TABLE search_space (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant TEXT   NOT NULL,
    kind   TEXT   NOT NULL, -- message, contact
    last   BIGINT NOT NULL, -- number of the newest row
    UNIQUE (tenant, kind)
);

-- A conversation, or a customer.
--sqlite CREATE TABLE search_thread (id INTEGER PRIMARY KEY,
--postgres CREATE TABLE search_thread (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space  BIGINT NOT NULL,
    owner  TEXT   NOT NULL,
    UNIQUE (space, owner)
);

--sqlite CREATE TABLE search_row (id INTEGER PRIMARY KEY,
--postgres CREATE TABLE search_row (id BIGINT PRIMARY KEY,
    thread BIGINT NOT NULL,
    seq    BIGINT NOT NULL
--postgres , tokens TSVECTOR NOT NULL
);
CREATE UNIQUE INDEX search_row_thread ON search_row (thread, seq);
--sqlite CREATE VIRTUAL TABLE search_text USING fts5(tokens, content='', contentless_delete=1, detail=none, tokenize='ascii');
--postgres CREATE INDEX search_row_tokens ON search_row USING gin (tokens);
