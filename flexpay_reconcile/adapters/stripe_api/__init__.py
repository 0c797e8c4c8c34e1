"""Stripe behind the gateway ports: the only room that holds an SDK object, and none leaves it.

Translates, classifies answers and picks keys; may not decide whether to charge, cancel or retry.
One file per gateway port, plus what they share: client, transport, keys, limiter, caller, faults, and the
translation of charges, invoices, parties (customers, subscriptions), endpoints and events.
"""
