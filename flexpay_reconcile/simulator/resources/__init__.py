"""One file per Stripe object: how it is made, how it changes, and what its endpoints answer.

May import the simulator's inner modules (state, events, paging); may not import routes, world, server or transport.
"""
