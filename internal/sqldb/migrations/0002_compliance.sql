-- +goose Up
-- Keys, sealed values, word lists. Nothing here can be read without the master key.

-- One row: a value under the master key that proves a later start has the same one.
CREATE TABLE vault_master (
    id         SMALLINT PRIMARY KEY,
    proof      BYTEA    NOT NULL,
    created_at BIGINT   NOT NULL
);

CREATE TABLE vault_tenant_key (
    tenant     TEXT   PRIMARY KEY,
    wrapped    BYTEA  NOT NULL, -- under the master key
    created_at BIGINT NOT NULL
);

-- Erasing a person destroys the row, and with it everything that was sealed for them.
CREATE TABLE vault_person_key (
    tenant     TEXT   NOT NULL,
    person     TEXT   NOT NULL, -- a contact's id
    wrapped    BYTEA  NOT NULL, -- under the tenant's key
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, person)
);

CREATE TABLE sealed (
    tenant       TEXT   NOT NULL,
    conversation TEXT   NOT NULL,
    token        TEXT   NOT NULL, -- <phone:1>
    kind         TEXT   NOT NULL,
    number       BIGINT NOT NULL,
    person       TEXT   NOT NULL,
    cipher       BYTEA  NOT NULL, -- under the person's key; empty after erasure
    blind        BYTEA  NOT NULL, -- HMAC of kind and value under the tenant's key; of no value after erasure
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant, conversation, token)
);
CREATE UNIQUE INDEX sealed_blind ON sealed (tenant, conversation, kind, blind);
CREATE INDEX sealed_find ON sealed (tenant, kind, blind);
CREATE INDEX sealed_person ON sealed (tenant, person);

CREATE TABLE word_list (
    tenant     TEXT   PRIMARY KEY,
    words      TEXT   NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX word_list_updated ON word_list (updated_at);
