"""Small immutable values that every room above speaks in: money, instants, ids, secrets, diagnostics.

Nothing here may touch a clock, a disk, a network or chance, and nothing here knows payments or Stripe.
"""
