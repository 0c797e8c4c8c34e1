-- name: cards_add
-- A charge not seen before.
INSERT INTO card_ledger (account, charge, card_key, payment_method, invoice, created, status, never, body)
VALUES (:account, :charge, :card_key, :payment_method, :invoice, :created, :status, :never, :body)
ON CONFLICT (account, charge) DO NOTHING;

-- name: cards_get
-- A charge already known.
SELECT body FROM card_ledger WHERE account = :account AND charge = :charge;

-- name: cards_replace
-- What more is known of a charge now: its invoice, or the end of a pending one.
UPDATE card_ledger
SET card_key = :card_key, payment_method = :payment_method, invoice = :invoice, created = :created, status = :status,
    never = :never, body = :body
WHERE account = :account AND charge = :charge;

-- name: cards_of_card
-- What ceilings and refusals are counted from: charges inside the window, and refusals for ever of any age.
SELECT body FROM card_ledger
WHERE account = :account AND card_key = :card_key AND (created > :since OR never = 1)
ORDER BY created, charge;

-- name: cards_of_payment_method
-- The newest charge made with a payment method.
SELECT body FROM card_ledger
WHERE account = :account AND payment_method = :payment_method
ORDER BY created DESC, charge DESC
LIMIT 1;

-- name: cards_of_invoice
-- Charges known to be for an invoice.
SELECT body FROM card_ledger WHERE account = :account AND invoice = :invoice ORDER BY created, charge;
