-- +goose Up
-- The log, its consumers, timers, nodes; then conversations. Times are microseconds UTC.

--sqlite CREATE TABLE event (pos INTEGER PRIMARY KEY,
--postgres CREATE TABLE event (serial BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, pos BIGINT,
    id           TEXT     NOT NULL,
    tenant       TEXT     NOT NULL,
    type         TEXT     NOT NULL,
    version      SMALLINT NOT NULL,
    at           BIGINT   NOT NULL,
    conversation TEXT     NOT NULL,
    subject      TEXT     NOT NULL,
    actor        TEXT     NOT NULL,
    data         TEXT     NOT NULL
);
--postgres CREATE UNIQUE INDEX event_pos ON event (pos);
--postgres CREATE INDEX event_fresh ON event (serial) WHERE pos IS NULL;
--postgres CREATE TABLE event_sequence (id INTEGER PRIMARY KEY, last BIGINT NOT NULL);
--postgres INSERT INTO event_sequence VALUES (1, 0);

CREATE TABLE consumer (
    name        TEXT   PRIMARY KEY,
    pos         BIGINT NOT NULL,
    node        TEXT   NOT NULL,
    lease_until BIGINT NOT NULL
);

CREATE TABLE timer (
    tenant  TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    kind    TEXT   NOT NULL,
    due_at  BIGINT NOT NULL,
    payload TEXT   NOT NULL,
    PRIMARY KEY (tenant, id)
) /*WITHOUT ROWID*/;
CREATE INDEX timer_due ON timer (due_at);

-- One row a running process, on the database's clock: the proof of life behind every claim.
CREATE TABLE node (
    boot    TEXT   PRIMARY KEY,
    address TEXT   NOT NULL,
    beat_at BIGINT NOT NULL
);

CREATE TABLE contact (
    tenant      TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    name        TEXT   NOT NULL DEFAULT '',
    external_id TEXT   NOT NULL DEFAULT '', -- as the host site's signed identity named it
    profile     TEXT   NOT NULL DEFAULT '{}',
    merged_into TEXT   NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL,
    erased_at   BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
) /*WITHOUT ROWID*/;
CREATE UNIQUE INDEX contact_external ON contact (tenant, external_id) WHERE external_id <> '';

CREATE TABLE visitor (
    tenant     TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    site       TEXT   NOT NULL,
    contact    TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
) /*WITHOUT ROWID*/;

-- The open episode's facts stand in the conversation's row: a turn touches one row.
CREATE TABLE conversation (
    tenant        TEXT     NOT NULL,
    id            TEXT     NOT NULL,
    site          TEXT     NOT NULL,
    contact       TEXT     NOT NULL,
    visitor       TEXT     NOT NULL,
    language      TEXT     NOT NULL DEFAULT '',
    created_at    BIGINT   NOT NULL,
    updated_at    BIGINT   NOT NULL,
    seq           BIGINT   NOT NULL DEFAULT 0, -- the change sequence: last number given
    episode       BIGINT   NOT NULL DEFAULT 0, -- number of the newest episode, 0 before the first message
    owner         TEXT     NOT NULL DEFAULT 'closed', -- bot, queue, agent, closed
    epoch         BIGINT   NOT NULL DEFAULT 0, -- counts changes of ownership
    agent         TEXT     NOT NULL DEFAULT '',
    queued_at     BIGINT   NOT NULL DEFAULT 0,
    opened_at     BIGINT   NOT NULL DEFAULT 0,
    asked_seq     BIGINT   NOT NULL DEFAULT 0, -- the customer's last message
    asked_at      BIGINT   NOT NULL DEFAULT 0,
    done_seq      BIGINT   NOT NULL DEFAULT 0, -- everything of the customer's up to here has been dealt with
    read_seq      BIGINT   NOT NULL DEFAULT 0, -- staff have seen up to here
    turn          BIGINT   NOT NULL DEFAULT 0, -- number of the turn under way or last done
    claim         TEXT     NOT NULL DEFAULT '', -- boot/epoch/turn of who works on it; empty when nobody does
    claim_seq     BIGINT   NOT NULL DEFAULT 0, -- the change that took the claim
    opened_seq    BIGINT   NOT NULL DEFAULT 0, -- the change that opened the episode
    inbox         BIGINT   NOT NULL DEFAULT 0, -- results and timers that wait for a turn
    preview       TEXT     NOT NULL DEFAULT '', -- masked beginning of the last visible message
    state         TEXT     NOT NULL DEFAULT '', -- the dialogue's state, JSON
    release       BIGINT   NOT NULL DEFAULT 0, -- pinned while something is under way in the dialogue
    PRIMARY KEY (tenant, id)
) /*WITHOUT ROWID*/;
CREATE INDEX conversation_owner ON conversation (tenant, owner, queued_at, id) WHERE owner IN ('queue', 'agent');
CREATE INDEX conversation_claimed ON conversation (claim) WHERE claim <> '';

CREATE TABLE episode (
    tenant       TEXT     NOT NULL,
    conversation TEXT     NOT NULL,
    number       BIGINT   NOT NULL,
    site         TEXT     NOT NULL,
    opened_at    BIGINT   NOT NULL,
    closed_at    BIGINT   NOT NULL DEFAULT 0,
    release      BIGINT   NOT NULL DEFAULT 0,
    outcome      TEXT     NOT NULL DEFAULT '', -- confirmed, assumed, handed_over, left, not_known
    handed_over  SMALLINT NOT NULL DEFAULT 0,
    rating       SMALLINT NOT NULL DEFAULT 0,
    rating_text  TEXT     NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, conversation, number)
) /*WITHOUT ROWID*/;
CREATE INDEX episode_opened ON episode (tenant, opened_at);

CREATE TABLE message (
    tenant       TEXT     NOT NULL,
    conversation TEXT     NOT NULL,
    seq          BIGINT   NOT NULL,
    episode      BIGINT   NOT NULL,
    author       TEXT     NOT NULL, -- customer, bot, agent, system, note
    author_id    TEXT     NOT NULL DEFAULT '',
    client_id    TEXT     NOT NULL DEFAULT '',
    reply_to     TEXT     NOT NULL DEFAULT '', -- seqs, comma between
    content      TEXT     NOT NULL, -- the newest revision, JSON
    at           BIGINT   NOT NULL,
    change       BIGINT   NOT NULL, -- seq of its last change; its own seq if never changed
    state        TEXT     NOT NULL DEFAULT '', -- revised, recalled, redacted
    solved       SMALLINT NOT NULL DEFAULT 0, -- the customer's word on it: 1 solved, -1 not
    PRIMARY KEY (tenant, conversation, seq)
) /*WITHOUT ROWID*/;
CREATE UNIQUE INDEX message_client ON message (tenant, conversation, client_id) WHERE client_id <> '';

-- What a message said before. Redaction leaves no former content behind.
CREATE TABLE revision (
    tenant       TEXT   NOT NULL,
    conversation TEXT   NOT NULL,
    change       BIGINT NOT NULL, -- the change that replaced it
    seq          BIGINT NOT NULL,
    kind         TEXT   NOT NULL, -- revised, recalled, redacted
    actor        TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    content      TEXT   NOT NULL, -- as it was before; empty after redaction
    PRIMARY KEY (tenant, conversation, change)
) /*WITHOUT ROWID*/;

CREATE TABLE trace (
    tenant       TEXT   NOT NULL,
    conversation TEXT   NOT NULL,
    turn         BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    release      BIGINT NOT NULL,
    seqs         TEXT   NOT NULL, -- messages it took, comma between
    replies      TEXT   NOT NULL, -- messages it made
    body         TEXT   NOT NULL, -- JSON: what went in and why it came out so
    PRIMARY KEY (tenant, conversation, turn)
) /*WITHOUT ROWID*/;

CREATE TABLE effect (
    tenant       TEXT     NOT NULL,
    id           TEXT     NOT NULL, -- also the idempotency key of the outside call
    conversation TEXT     NOT NULL,
    turn         BIGINT   NOT NULL,
    kind         TEXT     NOT NULL,
    name         TEXT     NOT NULL,
    input        TEXT     NOT NULL,
    status       TEXT     NOT NULL, -- ready, running; done: waits for its turn; taken
    ok           SMALLINT NOT NULL DEFAULT 0,
    attempts     SMALLINT NOT NULL DEFAULT 0,
    due_at       BIGINT   NOT NULL,
    claim        TEXT     NOT NULL DEFAULT '',
    result       TEXT     NOT NULL DEFAULT '',
    created_at   BIGINT   NOT NULL,
    PRIMARY KEY (tenant, id)
) /*WITHOUT ROWID*/;
CREATE INDEX effect_ready ON effect (due_at) WHERE status IN ('ready', 'running');
CREATE INDEX effect_done ON effect (tenant, conversation, created_at) WHERE status = 'done';
