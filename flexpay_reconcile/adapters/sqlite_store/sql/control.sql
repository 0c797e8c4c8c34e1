-- name: control_identity
-- Lineage, serial, and the random id of this copy.
SELECT lineage, serial, instance_id FROM state_identity WHERE id = 1;

-- name: control_raise_serial
-- Counts a write of the control plane.
UPDATE state_identity SET serial = serial + 1 WHERE id = 1;

-- name: control_rearm
-- A new id for this copy.
UPDATE state_identity SET instance_id = :instance_id WHERE id = 1;

-- name: control_applied
-- Everything last applied.
SELECT address, kind, attributes, remote_id, revision, applied_at FROM applied_resources ORDER BY address;

-- name: control_put_resource
-- What apply made of an address.
INSERT INTO applied_resources (address, kind, attributes, remote_id, revision, applied_at)
VALUES (:address, :kind, :attributes, :remote_id, :revision, :applied_at)
ON CONFLICT (address) DO UPDATE
SET kind = excluded.kind, attributes = excluded.attributes, remote_id = excluded.remote_id,
    revision = excluded.revision, applied_at = excluded.applied_at;

-- name: control_forget_resource
-- The address is no longer ours.
DELETE FROM applied_resources WHERE address = :address;

-- name: control_secret
-- A sealed secret by name.
SELECT name, integration_id, sealed FROM sealed_secrets WHERE name = :name;

-- name: control_any_secret
-- Any sealed secret: whoever adds one must be able to open those there are.
SELECT name, integration_id, sealed FROM sealed_secrets LIMIT 1;

-- name: control_all_secrets
-- Every sealed secret, in the order in which they were kept.
SELECT name, integration_id, sealed FROM sealed_secrets ORDER BY sequence;

-- name: control_secrets_for
-- Every sealed secret of an integration, the newest first.
SELECT name, integration_id, sealed FROM sealed_secrets
WHERE integration_id = :integration_id
ORDER BY sequence DESC;

-- name: control_drop_secret
-- A secret that is no longer accepted, or is about to be replaced.
DELETE FROM sealed_secrets WHERE name = :name;

-- name: control_add_secret
-- A sealed secret.
INSERT INTO sealed_secrets (name, integration_id, sealed) VALUES (:name, :integration_id, :sealed);

-- name: control_lock
-- Who holds the apply lock.
SELECT owner, host, pid, nonce, acquired_at, expires_at FROM apply_lock WHERE id = 1;

-- name: control_take_lock
-- The lock as it now stands.
INSERT INTO apply_lock (id, owner, host, pid, nonce, acquired_at, expires_at)
VALUES (1, :owner, :host, :pid, :nonce, :acquired_at, :expires_at)
ON CONFLICT (id) DO UPDATE
SET owner = excluded.owner, host = excluded.host, pid = excluded.pid, nonce = excluded.nonce,
    acquired_at = excluded.acquired_at, expires_at = excluded.expires_at;

-- name: control_refresh_lock
-- The heartbeat of whoever knows the nonce.
UPDATE apply_lock SET expires_at = :expires_at WHERE id = 1 AND nonce = :nonce;

-- name: control_release_lock
-- Gives the lock back, by nonce.
DELETE FROM apply_lock WHERE id = 1 AND nonce = :nonce;

-- name: control_step_state
-- Where a step stands.
SELECT state, idempotency_key FROM apply_steps WHERE run_id = :run_id AND number = :number;

-- name: control_put_step
-- A step as it now stands.
INSERT INTO apply_steps (run_id, number, address, action, state, idempotency_key, detail, at, message)
VALUES (:run_id, :number, :address, :action, :state, :idempotency_key, :detail, :at, :message)
ON CONFLICT (run_id, number) DO UPDATE
SET address = excluded.address, action = excluded.action, state = excluded.state, detail = excluded.detail,
    at = excluded.at, message = excluded.message;

-- name: control_unfinished_steps
-- Steps that were about to be called when the last apply was killed.
SELECT run_id, number, address, action, state, idempotency_key, detail, at, message
FROM apply_steps
WHERE state = 'intended'
ORDER BY at, run_id, number;

-- name: control_latest_revision
-- The number of the newest configuration.
SELECT max(revision) FROM configurations;

-- name: control_configuration
-- One configuration revision.
SELECT revision, manifest_digest, applied_at, applied_by, body FROM configurations WHERE revision = :revision;

-- name: control_publish
-- The next configuration revision.
INSERT INTO configurations (revision, digest, manifest_digest, applied_at, applied_by, body)
VALUES (:revision, :digest, :manifest_digest, :applied_at, :applied_by, :body);
