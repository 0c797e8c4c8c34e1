-- name: upkeep_cases_with_entries
-- Every case that has a story, for checking the chains.
SELECT case_id FROM journal_heads UNION SELECT case_id FROM journal ORDER BY 1;
