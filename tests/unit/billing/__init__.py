"""Tests of the room `billing`."""
