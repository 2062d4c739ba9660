-- +goose Up
-- Tenants, staff and what they sign in with; sites. A deleted_at of 0 means in use.

CREATE TABLE tenant (
    id         TEXT   PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

-- One row once the first owner was made: the guard against two first owners.
CREATE TABLE setup (
    id      SMALLINT PRIMARY KEY,
    done_at BIGINT   NOT NULL
);

CREATE TABLE staff (
    tenant     TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    email      TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    password   TEXT   NOT NULL, -- argon2id
    roles      TEXT   NOT NULL, -- JSON list
    status     TEXT   NOT NULL, -- active, disabled
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
) /*WITHOUT ROWID*/;
-- People sign in by address alone, so an address belongs to one tenant.
CREATE UNIQUE INDEX staff_email ON staff (email) WHERE deleted_at = 0;

CREATE TABLE session (
    tenant     TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    staff      TEXT   NOT NULL,
    token_hash TEXT   NOT NULL,
    ip         TEXT   NOT NULL,
    browser    TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
) /*WITHOUT ROWID*/;
CREATE UNIQUE INDEX session_token ON session (token_hash);
CREATE INDEX session_staff ON session (tenant, staff);
CREATE INDEX session_expires ON session (expires_at);

-- Failed sign-ins by a hash of what was tried from where.
CREATE TABLE sign_in (
    id       TEXT   PRIMARY KEY,
    failures BIGINT NOT NULL,
    since    BIGINT NOT NULL
);
CREATE INDEX sign_in_since ON sign_in (since);

CREATE TABLE api_key (
    tenant     TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    hint       TEXT   NOT NULL, -- the last four characters
    scopes     TEXT   NOT NULL, -- JSON list of permissions
    created_by TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL, -- 0: never
    used_at    BIGINT NOT NULL DEFAULT 0,
    revoked_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
) /*WITHOUT ROWID*/;
CREATE UNIQUE INDEX api_key_hash ON api_key (hash);

CREATE TABLE site (
    tenant          TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    site_key        TEXT   NOT NULL,
    name            TEXT   NOT NULL, -- JSON, by language
    bot             TEXT   NOT NULL,
    origins         TEXT   NOT NULL, -- JSON list
    languages       TEXT   NOT NULL, -- JSON list
    zone            TEXT   NOT NULL,
    hours           TEXT   NOT NULL, -- JSON
    settings        TEXT   NOT NULL, -- JSON
    secret_current  BYTEA  NOT NULL, -- sealed under the master key
    secret_previous BYTEA  NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    deleted_at      BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
) /*WITHOUT ROWID*/;
CREATE UNIQUE INDEX site_key ON site (site_key);

-- Counts changes of sites, for the caches of other nodes.
CREATE TABLE site_version (
    id      SMALLINT PRIMARY KEY,
    version BIGINT   NOT NULL
);
INSERT INTO site_version (id, version) VALUES (1, 0);

-- What a POST with an Idempotency-Key answered. A status of 0 means under way.
CREATE TABLE idempotency (
    tenant     TEXT     NOT NULL,
    actor      TEXT     NOT NULL,
    id         TEXT     NOT NULL,
    request    TEXT     NOT NULL, -- hash of the request
    status     SMALLINT NOT NULL,
    header     TEXT     NOT NULL,
    body       BYTEA    NOT NULL, -- sealed under the master key: an answer may hold a new secret
    created_at BIGINT   NOT NULL,
    expires_at BIGINT   NOT NULL,
    PRIMARY KEY (tenant, actor, id)
) /*WITHOUT ROWID*/;
CREATE INDEX idempotency_expires ON idempotency (expires_at);
