"""Disputes as objects: their evidence, their details, and the transactions that move their money.

May not report anything.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.state import Account, Obj, Simulation

EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
REASONS = (
    "bank_cannot_process",
    "check_returned",
    "credit_not_processed",
    "customer_initiated",
    "debit_not_authorized",
    "duplicate",
    "fraudulent",
    "general",
    "incorrect_account_details",
    "insufficient_funds",
    "noncompliant",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
)
_NETWORK_REASONS = {  # (brand, reason) -> the network's own code, as commonly published
    ("visa", "fraudulent"): "10.4",
    ("visa", "product_not_received"): "13.1",
    ("visa", "subscription_canceled"): "13.2",
    ("visa", "product_unacceptable"): "13.3",
    ("visa", "credit_not_processed"): "13.6",
    ("visa", "duplicate"): "12.6",
    ("mastercard", "fraudulent"): "4837",
    ("mastercard", "product_not_received"): "4853",
    ("mastercard", "subscription_canceled"): "4853",
}
FEE = 1500


def make(
    sim: Simulation, account: Account, charge: Obj, reason: str, status: str, *, case: str | None, due_by: int
) -> Obj:
    """A new dispute of what is left of a charge."""
    details = charge["payment_method_details"]
    inquiry = status.startswith("warning")
    billing = charge["billing_details"]
    evidence: Obj = {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}}
    evidence.update(customer_email_address=billing["email"], customer_name=billing["name"])
    dispute: Obj = {
        "id": sim.new_id(account, "dp" if details["type"] == "card" else "pdp"),
        "object": "dispute",
        "amount": charge["amount"] - charge["amount_refunded"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": sim.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": evidence,
        "evidence_details": {
            "due_by": due_by if status != "lost" else None,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": account.livemode,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": status,
    }
    if details["type"] == "card":
        brand = details["card"]["brand"]
        dispute["payment_method_details"] = {
            "card": {
                "brand": brand,
                "case_type": case or ("inquiry" if inquiry else "chargeback"),
                "network_reason_code": _NETWORK_REASONS.get((brand, reason)),
            },
            "type": "card",
        }
    return dispute


def details(dispute: Obj, evidence: Obj, *, submits: bool) -> Obj:
    """The evidence details after evidence was staged or submitted."""
    old = dispute["evidence_details"]
    return {
        **old,
        "has_evidence": any(evidence[name] for name in EVIDENCE),
        "submission_count": old["submission_count"] + (1 if submits else 0),
    }


def transaction(sim: Simulation, account: Account, dispute: Obj, *, back: bool) -> Obj:
    """The balance transaction that withdraws the amount with a fee, or gives both back."""
    sign = 1 if back else -1
    amount, fee = sign * dispute["amount"], -sign * FEE
    verb = "Chargeback reversal" if back else "Chargeback withdrawal"
    return {
        "id": sim.new_id(account, "txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": sim.now,
        "balance_type": "payments",
        "created": sim.now,
        "currency": dispute["currency"],
        "description": f"{verb} for {dispute['charge']}",
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [
            {
                "amount": fee,
                "application": None,
                "currency": dispute["currency"],
                "description": "Dispute fee",
                "type": "stripe_fee",
            }
        ],
        "net": amount - fee,
        "reporting_category": "dispute_reversal" if back else "dispute",
        "source": dispute["id"],
        "status": "available",
        "type": "adjustment",
    }
