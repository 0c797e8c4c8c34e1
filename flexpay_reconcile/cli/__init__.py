"""The doors for people and pipelines: one file per command. Parse, call an operation, print, choose the exit code.

Nothing here thinks, charges or talks to Stripe by itself, and this file imports nothing, so that help stays quick.
"""
