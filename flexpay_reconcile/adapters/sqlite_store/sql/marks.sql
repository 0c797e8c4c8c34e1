-- name: marks_get
-- The value of a mark.
SELECT value FROM marks WHERE name = :name;

-- name: marks_starting
-- The marks of one family: names from a prefix up to the last that can begin so.
SELECT name, value FROM marks WHERE name >= :low AND name < :high ORDER BY name;

-- name: marks_set
-- Sets or replaces a mark.
INSERT INTO marks (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;
