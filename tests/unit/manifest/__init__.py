"""Tests of the manifest room; they read no network, no state and no secret."""
