"""What every request to Stripe passes: keys, limits, locks, idempotency, parameters, faults. Knows no object."""
