-- name: transactions_get
-- A transaction already known.
SELECT body FROM transactions WHERE account = :account AND id = :id;

-- name: transactions_put
-- A transaction as it now stands.
INSERT INTO transactions (account, id, integration_id, at, payment_intent, invoice, body)
VALUES (:account, :id, :integration_id, :at, :payment_intent, :invoice, :body)
ON CONFLICT (account, id) DO UPDATE
SET integration_id = excluded.integration_id, at = excluded.at, payment_intent = excluded.payment_intent,
    invoice = excluded.invoice, body = excluded.body;

-- name: transactions_linked_invoice
-- The invoice a PaymentIntent is known to be for.
SELECT invoice FROM invoice_links WHERE account = :account AND payment_intent = :payment_intent;

-- name: transactions_remember_link
-- Keeps which invoice a PaymentIntent is for; the first one said stays.
INSERT INTO invoice_links (account, payment_intent, invoice)
VALUES (:account, :payment_intent, :invoice)
ON CONFLICT (account, payment_intent) DO NOTHING;

-- name: transactions_fill_invoice
-- Fills in the invoice of the transactions of a PaymentIntent that have none.
UPDATE transactions
SET invoice = :invoice, body = json_set(body, '$.invoice', :invoice)
WHERE account = :account AND payment_intent = :payment_intent AND invoice IS NULL;

-- name: transactions_list_all
-- The newest transactions of all integrations.
SELECT body FROM transactions ORDER BY at DESC, id DESC LIMIT :limit;

-- name: transactions_list_of
-- The newest transactions of one integration.
SELECT body FROM transactions WHERE integration_id = :integration_id ORDER BY at DESC, id DESC LIMIT :limit;

-- name: transactions_oldest_pending
-- When the oldest charge of an account was made whose end is not known, not before an instant.
SELECT at FROM transactions
WHERE integration_id = :integration_id AND at >= :since AND account = :account
  AND json_extract(body, '$.status') = 'pending' AND json_extract(body, '$.kind') <> 'refund'
ORDER BY at LIMIT 1;
