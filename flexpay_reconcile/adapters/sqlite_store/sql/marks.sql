-- name: marks_get
-- The value of a mark.
SELECT value FROM marks WHERE name = :name;

-- name: marks_set
-- Sets or replaces a mark.
INSERT INTO marks (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;
