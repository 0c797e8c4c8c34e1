"""The world, each piece behind a port: SQLite, secrets, cipher, clock, identifiers. Decides nothing.

Only `bootstrap` imports from here, and no adapter knows another one.
"""
