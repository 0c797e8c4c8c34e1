-- name: attempts_add
-- A new attempt. Number and idempotency key are unique over all lives of the invoice.
INSERT INTO attempts (account, invoice, number, case_id, integration_id, revision, state, idempotency_key, params_hash,
                      key_alias, fence, planned_for, intent_at, first_sent_at, check_at, ended_at, body)
VALUES (:account, :invoice, :number, :case_id, :integration_id, :revision, :state, :idempotency_key, :params_hash,
        :key_alias, :fence, :planned_for, :intent_at, :first_sent_at, :check_at, :ended_at, :body);

-- name: attempts_save
-- What became of an attempt; it stays its case's. The partial unique index refuses a second one in flight for the invoice.
UPDATE attempts
SET revision = :revision, state = :state, params_hash = :params_hash, key_alias = :key_alias,
    fence = :fence, planned_for = :planned_for, intent_at = :intent_at, first_sent_at = :first_sent_at,
    check_at = :check_at, ended_at = :ended_at, body = :body
WHERE account = :account AND invoice = :invoice AND number = :number;

-- name: attempts_get
-- One attempt.
SELECT body FROM attempts WHERE account = :account AND invoice = :invoice AND number = :number;

-- name: attempts_of_invoice
-- Every attempt on an invoice, over all lives of its cases.
SELECT body FROM attempts WHERE account = :account AND invoice = :invoice ORDER BY number;

-- name: attempts_due
-- Planned attempts whose moment has come.
SELECT body FROM attempts
WHERE state = 'planned' AND planned_for <= :now
ORDER BY planned_for
LIMIT :limit;

-- name: attempts_to_resolve
-- Attempts in flight that have to be asked about.
SELECT body FROM attempts
WHERE state IN ('submitting', 'unresolved', 'pending') AND check_at <= :now
ORDER BY check_at
LIMIT :limit;

-- name: attempts_sent_since
-- How much of the budget of attempts is spent.
SELECT count(*) FROM attempts WHERE integration_id = :integration_id AND intent_at >= :since;

-- name: attempts_ended_since
-- What the breaker judges by.
SELECT body FROM attempts
WHERE integration_id = :integration_id AND ended_at >= :since
ORDER BY ended_at, account, invoice, number;
