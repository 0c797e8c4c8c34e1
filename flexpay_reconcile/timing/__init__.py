"""When to retry: aims that the legal moments are then measured against. Numbers and instants only.

Knows no Stripe, no store and no rules; guard rails are never its business.
"""
