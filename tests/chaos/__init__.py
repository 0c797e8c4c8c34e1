"""Real-process chaos: daemons and a simulator as processes, killed, stopped and starved, judged by the ledger."""
