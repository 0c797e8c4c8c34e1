"""What Stripe said, in our words: invoices, subscriptions, charges, refunds, signals, and webhook signatures.

Values only. Nothing here may call Stripe or hold an SDK object; the adapters translate.
"""
