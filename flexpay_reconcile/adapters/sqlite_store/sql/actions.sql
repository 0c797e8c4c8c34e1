-- name: actions_add
-- Plans a final action, once for each case and kind.
INSERT INTO final_actions (case_id, kind, position, integration_id, subscription, state, called_at, body)
VALUES (:case_id, :kind, :position, :integration_id, :subscription, :state, :called_at, :body)
ON CONFLICT (case_id, kind) DO NOTHING;

-- name: actions_save
-- What became of a final action; its place changes when a changed policy plans it anew.
UPDATE final_actions
SET position = :position, state = :state, called_at = :called_at, body = :body
WHERE case_id = :case_id AND kind = :kind;

-- name: actions_of_case
-- The final actions of a case in the order in which they are carried out.
SELECT body FROM final_actions WHERE case_id = :case_id ORDER BY position, kind;

-- name: actions_of_subscription
-- Every final action that names a subscription: it is cancelled at most once.
SELECT body FROM final_actions WHERE subscription = :subscription ORDER BY case_id, position, kind;

-- name: actions_called_since
-- How much of the budget of final actions is spent. Taking one back costs nobody anything and is not counted.
SELECT count(*) FROM final_actions
WHERE integration_id = :integration_id AND called_at >= :since AND kind <> 'take_back';

-- name: actions_count
-- How many stand in these states (a JSON list).
SELECT count(*) FROM final_actions WHERE state IN (SELECT value FROM json_each(:states));
