"""Another life of an invoice: its number, its window and spacing, and which ended cases allow one."""

from __future__ import annotations

import pytest

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.opening import RELEASED_WITH_ALL, Opening, may_open, new_case
from tests.unit.billing import reads
from tests.unit.config import agreed
from tests.unit.recovery import book
from tests.unit.recovery.book import after
from tests.unit.recovery.test_opening import of_charge


def test_a_second_life_has_the_next_number_begins_now_and_keeps_the_spacing():
    """Id and life are the next, the window begins at the opening, and the last attempt's instant is kept (A12)."""
    earlier = book.case(life=1, state=CaseState.RELEASED, last_attempt_at=after(hours=2))
    terms = Opening(integration=agreed.integration(), policy=agreed.policy(), revision=9)
    case = new_case(of_charge(reads.charge()), terms, None, after(hours=3), (earlier,))
    assert (case.id, case.life, case.attempts_used) == ("acct_1/in_1/2", 2, 0)
    assert (case.window_from, case.last_attempt_at) == (after(hours=3), after(hours=2))


@pytest.mark.parametrize("state", [each for each in CaseState if each is not CaseState.RELEASED])
def test_only_a_case_released_with_its_integration_allows_another(state):
    """No case yet: one may open. Any other end, or a live case, never does; neither does a release of one case alone."""
    assert may_open(())
    assert may_open((book.case(state=CaseState.RELEASED, closed_because=RELEASED_WITH_ALL),))
    assert not may_open((book.case(state=state, closed_because=RELEASED_WITH_ALL),))
    assert not may_open((book.case(state=CaseState.RELEASED, closed_because="operator"),))
