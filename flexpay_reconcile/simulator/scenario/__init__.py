"""A scenario file to a world: accounts, keys, customers, subscriptions, faults and the story of its days.

Nothing here answers a request.
"""
