"""The journal's chain: every entry's hash covers the whole story before it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from flexpay_reconcile.recovery.journal import GENESIS, Entry, EntryKind, chain
from flexpay_reconcile.values.ids import CaseId
from tests.unit.recovery import book
from tests.unit.recovery.book import after

ENTRY = Entry(
    case_id=CaseId("acct_1/in_1/1"),
    at=after(),
    kind=EntryKind.DECIDED,
    text="Decided: retry.",
    facts={"decision": "retry", "reasons": "spread evenly"},
)
STORY = [replace(ENTRY, at=after(hours), text=f"line {hours}") for hours in range(10)]


def hashes(story: list[Entry]) -> list[str]:
    """The chain of a story from its beginning."""
    found = [GENESIS]
    for sequence, entry in enumerate(story, start=1):
        found.append(chain(found[-1], sequence, entry))
    return found


def test_the_same_story_has_the_same_chain():
    """Written again, in another process, with facts in another order, the chain is the same."""
    turned = [replace(each, facts=dict(reversed(each.facts.items()))) for each in STORY]
    assert hashes(STORY) == hashes(turned)
    assert len(set(hashes(STORY))) == len(STORY) + 1


@pytest.mark.parametrize(
    "changes",
    [
        {"case_id": CaseId("acct_1/in_2/1")},
        {"at": after(ms=1)},
        {"kind": EntryKind.NOTE},
        {"text": "Decided: retry!"},
        {"facts": {"decision": "retry"}},
        {"facts": {"decision": "retry", "reasons": "spread evenly", "more": ""}},
        {"facts": {"decision": "spread evenly", "reasons": "retry"}},
    ],
)
def test_any_change_of_an_entry_changes_its_hash(changes):
    """No field of an entry can be altered without its hash telling."""
    assert chain(GENESIS, 1, replace(ENTRY, **changes)) != chain(GENESIS, 1, ENTRY)


def test_place_and_past_are_covered():
    """The same entry at another place, or after another past, has another hash."""
    assert chain(GENESIS, 2, ENTRY) != chain(GENESIS, 1, ENTRY)
    assert chain("1" * 64, 1, ENTRY) != chain(GENESIS, 1, ENTRY)


@pytest.mark.parametrize("index", range(len(STORY)))
def test_a_change_in_the_past_shows_in_the_last_hash(index):
    """Whichever line is altered, left out or swapped with the next, the end of the chain is another."""
    end = hashes(STORY)[-1]
    altered = [*STORY[:index], replace(STORY[index], text="altered"), *STORY[index + 1 :]]
    left_out = [*STORY[:index], *STORY[index + 1 :]]
    turned = [*STORY[:index], *reversed(STORY[index : index + 2]), *STORY[index + 2 :]]
    assert hashes(altered)[-1] != end
    assert hashes(left_out)[-1] != end
    assert index == len(STORY) - 1 or hashes(turned)[-1] != end


def test_neighbours_cannot_be_joined():
    """What stands at the end of one field cannot be moved to the beginning of the next."""
    one = replace(ENTRY, text="ab", facts={"c": "d"})
    two = replace(ENTRY, text="a", facts={"bc": "d"})
    assert chain(GENESIS, 1, one) != chain(GENESIS, 1, two)


def test_every_hash_is_a_digest():
    """The chain consists of SHA-256 digests in hex, as long as the first."""
    for one, two in pairwise(hashes(STORY)):
        assert len(one) == len(two) == len(GENESIS)
        assert set(two) <= set("0123456789abcdef")


def test_a_case_is_told_by_its_lives():
    """Two lives of one invoice have two stories."""
    assert book.case().id != book.case(id=CaseId("acct_1/in_1/2")).id
