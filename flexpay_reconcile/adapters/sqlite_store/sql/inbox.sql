-- name: inbox_put
-- Stores an event unless this integration already has its id: the insert decides, nothing is checked before it.
INSERT INTO inbox (integration_id, event_id, type, object_id, idempotency_key, created, received_at, state, tries,
                   next_try_at, error, body)
VALUES (:integration_id, :event_id, :type, :object_id, :idempotency_key, :created, :received_at, :state, :tries,
        :next_try_at, :error, :body)
ON CONFLICT (integration_id, event_id) DO NOTHING;

-- name: inbox_pending
-- Events whose turn has come, in order of receipt.
SELECT integration_id, event_id, type, object_id, idempotency_key, created, received_at, body, state, tries,
       next_try_at, error
FROM inbox
WHERE state = 'pending' AND (next_try_at IS NULL OR next_try_at <= :now)
ORDER BY received_at, sequence
LIMIT :limit;

-- name: inbox_mark
-- Writes back what processing an event came to.
UPDATE inbox
SET state = :state, tries = :tries, next_try_at = :next_try_at, error = :error
WHERE integration_id = :integration_id AND event_id = :event_id;

-- name: inbox_with_key
-- Events caused by the request that carried an idempotency key.
SELECT integration_id, event_id, type, object_id, idempotency_key, created, received_at, body, state, tries,
       next_try_at, error
FROM inbox
WHERE idempotency_key = :idempotency_key
ORDER BY created, sequence;

-- name: inbox_for_object
-- Events about one Stripe object.
SELECT integration_id, event_id, type, object_id, idempotency_key, created, received_at, body, state, tries,
       next_try_at, error
FROM inbox
WHERE object_id = :object_id
ORDER BY created, sequence;

-- name: inbox_counts
-- How many events stand in each state.
SELECT state, count(*) FROM inbox GROUP BY state;

-- name: inbox_after
-- Events in the order in which they were stored, from a place on.
SELECT integration_id, event_id, type, object_id, idempotency_key, created, received_at, body, state, tries,
       next_try_at, error, sequence
FROM inbox
WHERE sequence > :sequence
ORDER BY sequence
LIMIT :limit;

-- name: inbox_rewrite
-- Replaces the body of an event by what is kept of it.
UPDATE inbox
SET body = :body
WHERE integration_id = :integration_id AND event_id = :event_id;

-- name: inbox_newest
-- The event of an integration that was stored last.
SELECT integration_id, event_id, type, object_id, idempotency_key, created, received_at, body, state, tries,
       next_try_at, error
FROM inbox
WHERE integration_id = :integration_id
ORDER BY sequence DESC
LIMIT 1;
