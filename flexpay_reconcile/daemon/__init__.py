"""The long-running process: a door that takes webhooks in, and loops that work at their own pace.

Builds nothing: bootstrap hands it finished parts. Decides nothing: the loops call operations.
"""
