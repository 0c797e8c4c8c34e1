"""Every single fault once: each crash point of the engine, under each answer of Stripe, with each order of restarts."""
