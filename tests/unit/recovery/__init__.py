"""Tests of the room `recovery`."""
