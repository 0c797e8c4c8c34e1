"""The control-state port, over SQLite in a file and in memory."""
