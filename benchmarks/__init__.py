"""Speed and memory, measured: `make bench` prints the tables. Asserts nothing: machines are noisy."""
