"""One file per kind of resource: what the configuration wants of it, how it is recognised, which fields mean what.

These files compare nothing and call nothing; `reconcile.change` and `reconcile.endpoint` decide.
"""
