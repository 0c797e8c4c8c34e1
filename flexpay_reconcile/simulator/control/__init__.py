"""The control verbs: what a test or a person may do to the world from outside Stripe.

Nothing here answers a request of the API.
"""
