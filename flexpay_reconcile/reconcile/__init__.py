"""The control plane's mind: desired, observed and last applied in; a Plan out, and its public JSON and text.

Nothing here calls Stripe, reads state or writes anything: a plan is a pure value, and only `apply` is given a writer.
"""
