"""Tests of the simulator: Stripe's behaviour, held through the real SDK where it can be."""
