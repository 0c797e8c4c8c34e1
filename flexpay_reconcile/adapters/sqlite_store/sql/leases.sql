-- name: leases_current
-- Who holds the lease, expired or not.
SELECT holder, fence, expires_at FROM leases WHERE id = 1 AND holder IS NOT NULL;

-- name: leases_fence
-- The last fencing token that was given out.
SELECT fence FROM leases WHERE id = 1;

-- name: leases_hold
-- The lease as it now stands.
INSERT INTO leases (id, holder, fence, expires_at) VALUES (1, :holder, :fence, :expires_at)
ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, fence = excluded.fence, expires_at = excluded.expires_at;

-- name: leases_release
-- Nobody holds it any more; the fence is kept, so that the next holder gets a higher one.
UPDATE leases SET holder = NULL WHERE id = 1 AND holder = :holder;
