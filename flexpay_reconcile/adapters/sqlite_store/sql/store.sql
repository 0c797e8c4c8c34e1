-- name: store_next_due
-- The earliest instant at which a loop has work by itself; each part is the first row of an index.
-- A case that has ended is due only while it owes something: what it scheduled must be taken back.
SELECT min(at) FROM (
    SELECT (SELECT min(coalesce(next_try_at, received_at)) FROM inbox WHERE state = 'pending') AS at
    UNION ALL
    SELECT (SELECT min(planned_for) FROM attempts WHERE state = 'planned')
    UNION ALL
    SELECT (SELECT min(check_at) FROM attempts WHERE state IN ('submitting', 'unresolved', 'pending'))
    UNION ALL
    SELECT (SELECT due_at FROM cases WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1)
);
