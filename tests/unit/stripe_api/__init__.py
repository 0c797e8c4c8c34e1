"""The Stripe adapter on canned HTTP answers: the real SDK, no network."""
