"""YAML text in, a `Configuration` or the full list of faults out.

Reads no file, no variable and no secret, and asks nobody: texts come in as bytes, faults go out as values, all at once.
"""
