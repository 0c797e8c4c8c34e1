"""The store port, over SQLite in a file and in memory."""
