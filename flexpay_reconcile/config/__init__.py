"""What the operator agreed to run: companies, keys, policies, integrations. Decides nothing, reads no file.

The manifest room makes a `Configuration` from YAML; the daemon runs one from the store. Neither may change it.
"""
