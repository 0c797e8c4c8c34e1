"""The record of an account that took the platform's access back."""

from __future__ import annotations

import pytest

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.recovery.lost_account import LostAccount
from flexpay_reconcile.values.ids import AccountId, IntegrationId
from flexpay_reconcile.values.instant import Instant, Span

NOW = Instant.from_text("2026-11-23T00:00:00Z")


def test_the_record_survives_its_text():
    """Written and read back it is the same; words on several lines become one line."""
    made = LostAccount(
        account=AccountId("acct_1"),
        integration=IntegrationId("acme"),
        lost_at=NOW,
        check_at=NOW.plus(Span.of(hours=6)),
        because="its owner\n has left",
    )
    again = LostAccount.from_text(made.text())
    assert again.because == "its owner has left"
    assert LostAccount.from_text(again.text()) == again
    assert "\n" not in made.text()


@pytest.mark.parametrize("text", ["", "acct_1 acme", "acct_1 acme 2026-11-23T00:00:00Z"])
def test_what_is_no_record_is_told(text):
    """A mark that is none of ours is a bug, not an account that is well."""
    with pytest.raises(BrokenInvariant, match="cannot be read"):
        LostAccount.from_text(text)
