"""The verbs: one file, one operation, written against ports only.

Control plane: plan_manifest, observe_account, apply_plan. Data plane: everything about one event, case or attempt.
An operation returns values and raises errors; it never prints, and it imports no adapter and no other world.
"""
