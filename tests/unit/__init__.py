"""Unit tests: one folder per room, no clock, no disk, no network."""
