"""The ways in: HTTP, the SDK in process, the status page, webhooks sent over the network.

Nothing here knows an object of Stripe.
"""
