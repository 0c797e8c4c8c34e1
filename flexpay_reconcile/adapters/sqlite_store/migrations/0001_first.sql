-- Version 1. Instants are whole milliseconds since 1970 (UTC); `body` is the plain form of the whole value as JSON.
-- The other columns are what queries and constraints ask of it.

-- Data plane: events from Stripe, as they came.
CREATE TABLE inbox (
    sequence        INTEGER PRIMARY KEY,
    integration_id  TEXT NOT NULL,
    event_id        TEXT NOT NULL,
    type            TEXT NOT NULL,
    object_id       TEXT,
    idempotency_key TEXT,
    created         INTEGER NOT NULL,
    received_at     INTEGER NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('pending', 'done', 'dead')),
    tries           INTEGER NOT NULL,
    next_try_at     INTEGER,
    error           TEXT NOT NULL,
    body            BLOB NOT NULL,
    UNIQUE (integration_id, event_id)
) STRICT;
CREATE INDEX inbox_receipt ON inbox (received_at, next_try_at) WHERE state = 'pending';
CREATE INDEX inbox_due ON inbox (coalesce(next_try_at, received_at)) WHERE state = 'pending';
CREATE INDEX inbox_key ON inbox (idempotency_key, created) WHERE idempotency_key IS NOT NULL;
CREATE INDEX inbox_object ON inbox (object_id, created) WHERE object_id IS NOT NULL;

CREATE TABLE cases (
    id              TEXT NOT NULL PRIMARY KEY,
    account         TEXT NOT NULL,
    invoice         TEXT NOT NULL,
    life            INTEGER NOT NULL,
    integration_id  TEXT NOT NULL,
    subscription    TEXT NOT NULL,
    customer        TEXT NOT NULL,
    state           TEXT NOT NULL,
    live            INTEGER NOT NULL CHECK (live IN (0, 1)),
    version         INTEGER NOT NULL,
    opened_at       INTEGER NOT NULL,
    due_at          INTEGER,
    body            TEXT NOT NULL,
    UNIQUE (invoice, account, life)
) STRICT;
CREATE UNIQUE INDEX cases_one_live ON cases (account, invoice) WHERE live = 1;
CREATE INDEX cases_due ON cases (due_at, state, live) WHERE due_at IS NOT NULL;
CREATE INDEX cases_subscription ON cases (subscription, account);
CREATE INDEX cases_customer ON cases (customer, account);
CREATE INDEX cases_opened ON cases (opened_at, id);

CREATE TABLE attempts (
    account         TEXT NOT NULL,
    invoice         TEXT NOT NULL,
    number          INTEGER NOT NULL,
    case_id         TEXT NOT NULL REFERENCES cases (id) DEFERRABLE INITIALLY DEFERRED,
    integration_id  TEXT NOT NULL,
    revision        INTEGER NOT NULL,
    state           TEXT NOT NULL,
    idempotency_key TEXT NOT NULL UNIQUE,
    params_hash     TEXT NOT NULL,
    key_alias       TEXT,
    fence           INTEGER,
    planned_for     INTEGER NOT NULL,
    intent_at       INTEGER,
    first_sent_at   INTEGER,
    check_at        INTEGER,
    ended_at        INTEGER,
    body            TEXT NOT NULL,
    PRIMARY KEY (account, invoice, number),
    -- An attempt that blocks its invoice must be looked at again at a known time, or it would block for ever.
    CHECK (state NOT IN ('submitting', 'unresolved', 'pending') OR check_at IS NOT NULL),
    -- Nothing is sent before its intent is on disk.
    CHECK (first_sent_at IS NULL OR intent_at IS NOT NULL)
) STRICT;
-- Invariant A2: at most one attempt in flight per invoice.
CREATE UNIQUE INDEX attempts_one_in_flight ON attempts (account, invoice)
    WHERE state IN ('submitting', 'unresolved', 'pending');
CREATE INDEX attempts_planned ON attempts (planned_for) WHERE state = 'planned';
CREATE INDEX attempts_check ON attempts (check_at) WHERE state IN ('submitting', 'unresolved', 'pending');
CREATE INDEX attempts_sent ON attempts (integration_id, intent_at) WHERE intent_at IS NOT NULL;
CREATE INDEX attempts_ended ON attempts (integration_id, ended_at) WHERE ended_at IS NOT NULL;
-- Invariants A4, A5: the same idempotency key never goes with other parameters, and its first sending never moves later.
-- It may be cleared: an intent whose call was surely not made is taken back.
CREATE TRIGGER attempts_keep_params BEFORE UPDATE ON attempts
    WHEN OLD.first_sent_at IS NOT NULL
        AND (NEW.params_hash <> OLD.params_hash OR NEW.first_sent_at > OLD.first_sent_at)
BEGIN
    SELECT RAISE (ABORT, 'an attempt that may have been sent keeps its parameters and its first sending (A4, A5)');
END;
CREATE TRIGGER attempts_keep_rows BEFORE DELETE ON attempts
BEGIN
    SELECT RAISE (ABORT, 'attempts are never deleted');
END;

CREATE TABLE card_ledger (
    account         TEXT NOT NULL,
    charge          TEXT NOT NULL,
    card_key        TEXT NOT NULL,
    payment_method  TEXT,
    invoice         TEXT,
    created         INTEGER NOT NULL,
    status          TEXT NOT NULL,
    never           INTEGER NOT NULL CHECK (never IN (0, 1)),
    body            TEXT NOT NULL,
    PRIMARY KEY (account, charge)
) STRICT;
CREATE INDEX card_ledger_card ON card_ledger (account, card_key, created);
CREATE INDEX card_ledger_method ON card_ledger (account, payment_method, created) WHERE payment_method IS NOT NULL;
CREATE INDEX card_ledger_invoice ON card_ledger (account, invoice, created) WHERE invoice IS NOT NULL;

CREATE TABLE final_actions (
    case_id         TEXT NOT NULL REFERENCES cases (id) DEFERRABLE INITIALLY DEFERRED,
    kind            TEXT NOT NULL,
    position        INTEGER NOT NULL,
    integration_id  TEXT NOT NULL,
    subscription    TEXT NOT NULL,
    state           TEXT NOT NULL,
    called_at       INTEGER,
    body            TEXT NOT NULL,
    PRIMARY KEY (case_id, kind)
) STRICT;
CREATE INDEX final_actions_subscription ON final_actions (subscription);
CREATE INDEX final_actions_called ON final_actions (integration_id, called_at) WHERE called_at IS NOT NULL;
CREATE INDEX final_actions_state ON final_actions (state);

CREATE TABLE transactions (
    account         TEXT NOT NULL,
    id              TEXT NOT NULL,
    integration_id  TEXT NOT NULL,
    at              INTEGER NOT NULL,
    payment_intent  TEXT,
    invoice         TEXT,
    body            TEXT NOT NULL,
    PRIMARY KEY (account, id)
) STRICT;
CREATE INDEX transactions_at ON transactions (at, id);
CREATE INDEX transactions_integration ON transactions (integration_id, at, id);
CREATE INDEX transactions_intent ON transactions (account, payment_intent) WHERE payment_intent IS NOT NULL;

-- Which invoice a PaymentIntent is for, so that it does not matter whether link or transaction comes first.
CREATE TABLE invoice_links (
    account         TEXT NOT NULL,
    payment_intent  TEXT NOT NULL,
    invoice         TEXT NOT NULL,
    PRIMARY KEY (account, payment_intent)
) WITHOUT ROWID, STRICT;

-- The story of each case: append-only, each entry chained to the one before (invariant G1).
CREATE TABLE journal (
    case_id         TEXT NOT NULL,
    sequence        INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    kind            TEXT NOT NULL,
    text            TEXT NOT NULL,
    facts           TEXT NOT NULL,
    hash            TEXT NOT NULL,
    PRIMARY KEY (case_id, sequence)
) WITHOUT ROWID, STRICT;
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE (ABORT, 'the journal is append-only (G1)');
END;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN
    SELECT RAISE (ABORT, 'the journal is append-only (G1)');
END;
-- Where each chain ends, so that a chain cut short is noticed.
CREATE TABLE journal_heads (
    case_id         TEXT NOT NULL PRIMARY KEY,
    sequence        INTEGER NOT NULL,
    hash            TEXT NOT NULL
) WITHOUT ROWID, STRICT;
CREATE TRIGGER journal_heads_forward BEFORE UPDATE ON journal_heads
    WHEN NEW.sequence <> OLD.sequence + 1 OR NEW.case_id <> OLD.case_id
BEGIN
    SELECT RAISE (ABORT, 'the journal only grows, one entry at a time (G1)');
END;
CREATE TRIGGER journal_heads_no_delete BEFORE DELETE ON journal_heads
BEGIN
    SELECT RAISE (ABORT, 'the journal is append-only (G1)');
END;

-- One row for ever; `holder` is NULL while nobody holds it.
CREATE TABLE leases (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    holder          TEXT,
    fence           INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL
) STRICT;
CREATE TRIGGER leases_fence_grows BEFORE UPDATE ON leases
    WHEN NEW.fence < OLD.fence
BEGIN
    SELECT RAISE (ABORT, 'a fence never goes back (A19)');
END;

CREATE TABLE marks (
    name            TEXT NOT NULL PRIMARY KEY,
    value           TEXT NOT NULL
) WITHOUT ROWID, STRICT;

-- Control plane.
CREATE TABLE state_identity (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    lineage         TEXT NOT NULL,
    serial          INTEGER NOT NULL,
    instance_id     TEXT NOT NULL
) STRICT;
INSERT INTO state_identity (id, lineage, serial, instance_id)
    VALUES (1, lower(hex(randomblob(16))), 0, lower(hex(randomblob(16))));
CREATE TRIGGER state_identity_forward BEFORE UPDATE ON state_identity
    WHEN NEW.lineage <> OLD.lineage OR NEW.serial < OLD.serial
BEGIN
    SELECT RAISE (ABORT, 'a lineage stays and a serial only grows');
END;

CREATE TABLE configurations (
    revision        INTEGER PRIMARY KEY,
    digest          TEXT NOT NULL,
    manifest_digest TEXT NOT NULL,
    applied_at      INTEGER NOT NULL,
    applied_by      TEXT NOT NULL,
    body            TEXT NOT NULL
) STRICT;
CREATE TRIGGER configurations_no_update BEFORE UPDATE ON configurations
BEGIN
    SELECT RAISE (ABORT, 'a configuration revision never changes');
END;
CREATE TRIGGER configurations_no_delete BEFORE DELETE ON configurations
BEGIN
    SELECT RAISE (ABORT, 'a configuration revision never goes');
END;

CREATE TABLE applied_resources (
    address         TEXT NOT NULL PRIMARY KEY,
    kind            TEXT NOT NULL,
    attributes      TEXT NOT NULL,
    remote_id       TEXT,
    revision        INTEGER,
    applied_at      INTEGER NOT NULL
) STRICT;

CREATE TABLE sealed_secrets (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT NOT NULL UNIQUE,
    integration_id  TEXT NOT NULL,
    sealed          TEXT NOT NULL
) STRICT;
CREATE INDEX sealed_secrets_integration ON sealed_secrets (integration_id);

CREATE TABLE apply_lock (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    owner           TEXT NOT NULL,
    host            TEXT NOT NULL,
    pid             INTEGER NOT NULL,
    nonce           TEXT NOT NULL,
    acquired_at     INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL
) STRICT;

CREATE TABLE apply_steps (
    run_id          TEXT NOT NULL,
    number          INTEGER NOT NULL,
    address         TEXT NOT NULL,
    action          TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('intended', 'done', 'failed')),
    idempotency_key TEXT NOT NULL,
    detail          TEXT NOT NULL,
    at              INTEGER NOT NULL,
    message         TEXT NOT NULL,
    PRIMARY KEY (run_id, number)
) STRICT;
CREATE INDEX apply_steps_open ON apply_steps (at, run_id, number) WHERE state = 'intended';

PRAGMA application_id = 1179408464;
PRAGMA user_version = 1;
