"""Real processes on loopback: the command line, the simulator and the daemon as a user starts them."""
