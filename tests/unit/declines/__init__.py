"""Tests of the room `declines`."""
