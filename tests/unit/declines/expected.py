"""What every code of `codes.tsv` must come to, written out by hand: a change of the data file has to be made here too."""

from __future__ import annotations

_BY_KIND = {
    "hard": {
        "card_decline": """
            card_not_supported currency_not_supported do_not_try_again fraudulent incorrect_number invalid_account
            invalid_number lost_card not_permitted pickup_card restricted_card revocation_of_all_authorizations
            revocation_of_authorization security_violation service_not_allowed stolen_card stop_payment_order
            transaction_not_allowed""",
        "lpm_decline": """
            invalid_billing_agreement currency_not_supported invalid_amount partner_high_risk_customer
            compliance_violation payment_disputed invalid_authorization invalid_payment_information""",
        "outcome_reason": "highest_risk_level previously_declined_do_not_retry",
        "advice_code": "do_not_try_again",
        "error_code": """
            incorrect_number payment_intent_mandate_invalid india_recurring_payment_mandate_canceled
            debit_not_authorized account_closed bank_account_declined payment_method_restricted""",
    },
    "credential": {
        "card_decline": "expired_card new_account_information_available",
        "advice_code": "confirm_card_data",
        "error_code": "expired_card expired_payment_method",
    },
    "customer": {
        "card_decline": """
            authentication_required authentication_not_handled incorrect_address incorrect_cvc incorrect_zip
            invalid_cvc invalid_expiry_month invalid_expiry_year""",
        "lpm_decline": "invalid_customer_account expired_card expired_payment_information",
        "error_code": """
            incorrect_cvc invoice_payment_intent_requires_action payment_intent_authentication_failure
            payment_method_customer_decline""",
    },
    "soft": {
        "card_decline": """
            approve_with_id call_issuer card_velocity_exceeded do_not_honor duplicate_transaction generic_decline
            insufficient_funds invalid_amount no_action_taken try_again_later withdrawal_count_limit_exceeded""",
        "lpm_decline": """
            partner_generic_decline payment_limit_exceeded insufficient_funds partner_payment_not_found
            duplicate_transaction""",
        "outcome_reason": "low_probability_of_authorization",
        "advice_code": "try_again_later",
        "error_code": "card_decline_rate_limit_exceeded payment_method_provider_decline",
    },
    "technical": {
        "card_decline": "issuer_not_available processing_error reenter_transaction",
        "lpm_decline": "processing_error",
        "error_code": "processing_error payment_method_provider_timeout",
    },
    "operator": {
        "card_decline": "merchant_blacklist testmode_decline",
        "lpm_decline": "invalid_business_account",
        "outcome_reason": "rule",
    },
    "unknown": {
        "card_decline": """
            incorrect_pin invalid_pin offline_pin_required online_or_offline_pin_required pin_try_exceeded
            mobile_device_authentication_required""",
        "outcome_reason": "elevated_risk_level",
        "error_code": "payment_intent_payment_attempt_failed card_declined",
    },
}

KINDS = {
    (table, code): kind
    for kind, tables in _BY_KIND.items()
    for table, codes in tables.items()
    for code in codes.split()
}
"""(table, code) to the kind it has when it is all the evidence there is."""

ADDED = {("outcome_reason", "previously_declined_do_not_retry"), ("error_code", "card_declined")}
"""Rows that the table has beyond the 93 it was compiled with."""
