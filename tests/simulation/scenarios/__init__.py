"""Named scenarios: what must never happen to a merchant, each with a name that people use for it."""
