-- name: journal_head
-- Where a case's chain ends.
SELECT sequence, hash FROM journal_heads WHERE case_id = :case_id;

-- name: journal_append
-- One more entry.
INSERT INTO journal (case_id, sequence, at, kind, text, facts, hash)
VALUES (:case_id, :sequence, :at, :kind, :text, :facts, :hash);

-- name: journal_move_head
-- The chain now ends at the entry just appended.
INSERT INTO journal_heads (case_id, sequence, hash) VALUES (:case_id, :sequence, :hash)
ON CONFLICT (case_id) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash;

-- name: journal_of_case
-- The whole story of a case.
SELECT sequence, at, kind, text, facts, hash FROM journal WHERE case_id = :case_id ORDER BY sequence;
