"""`kill -9` of the real daemon while a payment is in flight over a real socket; in process the same stands in simulation."""

from __future__ import annotations

import pytest

from tests.integration.ground import ADVANCE_PATIENCE, PATIENCE, kill
from tests.integration.holding_proxy import HoldingProxy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_payment_in_flight_survives_kill_9(applied, moment):
    """Killed before Stripe saw the call or after Stripe executed it: the next daemon ends in the truth, with one charge."""
    proxy = HoldingProxy(applied.simulator_url, hold=moment)
    try:
        first, _ = applied.start_daemon(FLEXPAY_STRIPE_API=proxy.url)
        applied.ok("simulator", "decline", "--customer", "ada", "--code", "insufficient_funds", "--times", "1")
        applied.advance(31)
        advance = applied.start("simulator", "advance", "--days", "5")
        assert proxy.held.wait(PATIENCE), "no payment was sent"
        kill(first)
        (stuck,) = applied.json("cases", "list")["cases"]
        assert (stuck["state"], stuck["attempts_used"]) == ("attempting", 0)
        assert _charged(applied, stuck["invoice"]) == (0 if moment == "before" else 1)

        _, log = applied.start_daemon()
        assert advance.wait(timeout=ADVANCE_PATIENCE) == 0
        (case,) = applied.json("cases", "list")["cases"]
        assert case["state"] == "recovered", applied.ok("explain", case["invoice"])
        assert _charged(applied, case["invoice"]) == 1
        (attempt,) = applied.json("explain", case["invoice"])["attempts"]
        assert (attempt["number"], attempt["state"]) == (1, "approved")
        told = applied.ok("explain", case["invoice"])
        assert ("calling again with the same key" in told) == (moment == "before")
        assert "Traceback" not in log.read_text(encoding="utf-8")
    finally:
        proxy.close()


def _charged(ground, invoice):
    """How many charges of an invoice succeeded, by the simulator's own ledger."""
    charges = ground.json("simulator", "show", "charges")["charges"]
    return sum(each["invoice"] == invoice and each["status"] == "succeeded" for each in charges)
