"""Tests of the commands that run, watch and explain: daemon, simulator, cases, explain."""
