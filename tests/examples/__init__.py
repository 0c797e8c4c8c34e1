"""The examples, run as a newcomer would run them; no example is only text."""
