"""Contract tests: one suite a port, run over every implementation. Nothing sleeps or reads the clock here."""
