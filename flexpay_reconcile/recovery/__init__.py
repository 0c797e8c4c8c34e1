"""The mind of the data plane: may this invoice be recovered, when may it be tried, what happens at the end.

Pure: facts and the present come in as values, decisions go out as values. Touches no store, no Stripe, no clock.
"""
