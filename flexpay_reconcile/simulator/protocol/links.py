"""What can be expanded: which field stands for which object, which permission reads it, what is shown on request only.

May not contain behaviour.
"""

from __future__ import annotations

# (object type, field) -> type of the object the id stands for.
LINKS: dict[tuple[str, str], str] = {
    ("invoice", "customer"): "customer",
    ("invoice", "default_payment_method"): "payment_method",
    ("invoice", "parent.subscription_details.subscription"): "subscription",
    ("subscription", "customer"): "customer",
    ("subscription", "default_payment_method"): "payment_method",
    ("subscription", "latest_invoice"): "invoice",
    ("customer", "invoice_settings.default_payment_method"): "payment_method",
    ("payment_method", "customer"): "customer",
    ("payment_intent", "customer"): "customer",
    ("payment_intent", "latest_charge"): "charge",
    ("payment_intent", "payment_method"): "payment_method",
    ("charge", "customer"): "customer",
    ("charge", "payment_intent"): "payment_intent",
    ("payment_intent", "review"): "review",
    ("setup_intent", "customer"): "customer",
    ("setup_intent", "payment_method"): "payment_method",
    ("charge", "review"): "review",
    ("dispute", "charge"): "charge",
    ("dispute", "payment_intent"): "payment_intent",
    ("review", "charge"): "charge",
    ("review", "payment_intent"): "payment_intent",
    ("radar.early_fraud_warning", "charge"): "charge",
    ("radar.early_fraud_warning", "payment_intent"): "payment_intent",
    ("refund", "charge"): "charge",
    ("refund", "payment_intent"): "payment_intent",
    ("invoice_payment", "invoice"): "invoice",
    ("invoice_payment", "payment.payment_intent"): "payment_intent",
    ("price", "product"): "product",
    ("product", "default_price"): "price",
    ("invoiceitem", "customer"): "customer",
    ("invoiceitem", "invoice"): "invoice",
    ("customer", "test_clock"): "test_helpers.test_clock",
    ("subscription", "test_clock"): "test_helpers.test_clock",
    ("invoice", "test_clock"): "test_helpers.test_clock",
    ("invoiceitem", "test_clock"): "test_helpers.test_clock",
}

READ = {
    "customer": "rak_customer_read",
    "payment_method": "rak_payment_method_read",
    "charge": "rak_charge_read",
    "payment_intent": "rak_payment_intent_read",
    "review": "rak_review_read",
    "invoice": "rak_invoice_read",
    "subscription": "rak_subscription_read",
    "product": "rak_product_read",
    "price": "rak_plan_read",
    "test_helpers.test_clock": "rak_billing_clock_read",
}

# (object type, field) -> (type of the rows, the index that finds them, permission): fields only present when asked for.
INCLUDES: dict[tuple[str, str], tuple[str, str, str, str]] = {
    ("invoice", "payments"): ("invoice_payment", "invoice", "rak_credit_note_read", "/v1/invoice_payments"),
    ("charge", "refunds"): ("refund", "charge", "rak_charge_read", "/v1/refunds"),
}
