-- name: cases_add
-- A new case. The unique index refuses a second live one for its invoice.
INSERT INTO cases (id, account, invoice, life, integration_id, subscription, customer, state, live, version,
                   opened_at, due_at, body)
VALUES (:id, :account, :invoice, :life, :integration_id, :subscription, :customer, :state, :live, :version,
        :opened_at, :due_at, :body);

-- name: cases_save
-- The next version of a case, if nobody saved one since it was read. Whose invoice it is never changes.
UPDATE cases
SET state = :state, live = :live, version = :version, due_at = :due_at, body = :body
WHERE id = :id AND version = :version - 1;

-- name: cases_get
-- One case by its id.
SELECT body FROM cases WHERE id = :id;

-- name: cases_live_for_invoice
-- The case of an invoice that has not ended; there is at most one.
SELECT body FROM cases WHERE account = :account AND invoice = :invoice AND live = 1;

-- name: cases_lives_of
-- Every case an invoice ever had.
SELECT body FROM cases WHERE account = :account AND invoice = :invoice ORDER BY life;

-- name: cases_live_for_subscription
-- Open cases of a subscription, which may have several unpaid invoices.
SELECT body FROM cases
WHERE subscription = :subscription AND account = :account AND live = 1
ORDER BY opened_at, id;

-- name: cases_live_for_customer
-- Open cases of a customer, for when a new card arrives.
SELECT body FROM cases
WHERE customer = :customer AND account = :account AND live = 1
ORDER BY opened_at, id;

-- name: cases_begun_before
-- Open cases of an integration that began under an earlier revision, page by page, when a changed policy moves them.
SELECT body FROM cases
WHERE live = 1 AND integration_id = :integration_id AND id > :after AND json_extract(body, '$.revision') < :revision
ORDER BY id
LIMIT :limit;

-- name: cases_due
-- What a loop has to look at now. `states` is a JSON list.
SELECT body FROM cases
WHERE due_at IS NOT NULL AND due_at <= :now AND state IN (SELECT value FROM json_each(:states))
ORDER BY due_at
LIMIT :limit;

-- name: cases_list
-- Cases for people to see; `integration_id` and `states` (a JSON list) narrow it unless they are NULL.
SELECT body FROM cases
WHERE (:integration_id IS NULL OR integration_id = :integration_id)
  AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
ORDER BY opened_at DESC, id DESC
LIMIT :limit;

-- name: cases_find
-- What a person may mean by an id: the case's, its invoice's, subscription's or customer's.
SELECT body FROM cases
WHERE id = :text OR invoice = :text OR subscription = :text OR customer = :text
ORDER BY opened_at DESC, id DESC;

-- name: cases_counts
-- How many cases of each integration stand in each state.
SELECT integration_id, state, count(*) FROM cases GROUP BY integration_id, state ORDER BY integration_id, state;
