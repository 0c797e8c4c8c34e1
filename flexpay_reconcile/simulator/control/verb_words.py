"""A sentence for each control verb, for people who ask for the list. May not contain behaviour."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "decline": "From now on (or `times` times) this customer's charges are declined; requires_action asks for 3DS.",
    "approve": "From now on this customer's charges are approved.",
    "pay-elsewhere": "The customer pays the oldest open invoice; `how` is card (Stripe's page) or out_of_band.",
    "card": "The customer puts in a new card as default; `token` is one of Stripe's test cards.",
    "void": "Somebody voids an invoice in the Dashboard.",
    "cancel": "Somebody cancels a subscription, given by id or as the customer's first living one.",
    "set": "Set a field of an invoice, subscription, customer or endpoint, as Stripe or somebody else might.",
    "fault": "A request from the `nth` on, `times` of them, meets a fault of this `kind`.",
    "key": "Do something to an API key: `do` is revoke, expire (`at` when), restore or foreign_address.",
    "permission": "Grant or take (`do`) a permission of a restricted key, in the account or connect `column`.",
    "lock": "Hold an object as a Stripe process would, for `seconds` of virtual time; 0 lets it go.",
    "limits": "Switch rate limits: `value` is stripe, off, or a map of figures.",
    "authorize": "An account joins a platform.",
    "deauthorize": "An account leaves its platform.",
    "restrict-account": "Stripe restricts an account, for a `reason`.",
    "unrestrict-account": "Stripe lifts the restriction of an account.",
    "billing": "Replace settings of Stripe's own retries, final statuses and mails; answers with all of them.",
    "mails": "The mails Stripe sent to the account's customers, oldest first.",
    "block-finalization": "The customer's invoices cannot be finalised from now on.",
    "allow-finalization": "The customer's invoices can be finalised again.",
    "roll-secret": "Roll an endpoint's signing secret; the old one signs beside it for `overlap_seconds`.",
    "resend": "Send an event again (`all-failed`: every one that an endpoint lacks), from the dashboard or the cli.",
    "delivery-fault": "A delivery meets a fault; `clear` forgets every fault, `disorder` shuffles what is due at once.",
}
