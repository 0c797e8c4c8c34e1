"""What a refused payment means: Stripe's codes, the networks' advice and ceilings, as data with edition and source.

Pure: it decides no date and sends nothing. Closed by default: what the files do not know is UNKNOWN,
never quietly soft.
"""
