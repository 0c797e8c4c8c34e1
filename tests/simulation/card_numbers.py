"""Card numbers where nobody expects them, and the search for them in all that we leave behind (G2).

The search knows nothing of the engine's own masking: its Luhn and its idea of a number are its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tests.simulation import worlds
from tests.simulation.judges import Violation
from tests.simulation.rig import Rig

NUMBERS = ("4000056655665556", "5200 8282 8282 8210", "3714-496353-98431", "6011 0009 9013 9424")
NAME = "Ada"
"""A customer's own name is kept: people look for it. A number in it is not."""
PERSON = "Zephyrine Quillfeather"
CODE = "cvc 7193"
PLANTED = f"{PERSON} pays with {NUMBERS[0]} 12/34 {CODE}, or {NUMBERS[1]}; else {NUMBERS[2]} or {NUMBERS[3]}"
_RUN = re.compile(rb"(?<![0-9])[3-6][0-9](?:[ -]?[0-9]){13,14}(?![0-9])")
_HASH = re.compile(rb"[0-9a-f]{32,}")


def plant(rig: Rig) -> None:
    """Every customer and subscription carries card numbers in each field that people may fill as they like."""
    for account in rig.world.sim.accounts.values():
        for kind in ("customer", "subscription"):
            table = account.table(kind)
            for id_, row in list(table.rows.items()):
                changes = {"description": PLANTED, "metadata": {**row.get("metadata", {}), "note": PLANTED}}
                if kind == "customer":
                    changes |= {
                        "name": f"{NAME} {NUMBERS[0]}",
                        "email": f"{PERSON.split(maxsplit=1)[0]}@shop.example",
                        "phone": NUMBERS[1],
                    }
                table.rows[id_] = {**row, **changes}


def numbers_in(raw: bytes) -> list[str]:
    """What passes for a card's number: fifteen or sixteen digits that stand alone, with a right last digit."""
    found = []
    for run in _RUN.finditer(_HASH.sub(b"#", raw)):
        digits = re.sub(rb"[^0-9]", b"", run.group()).decode()
        doubled = [int(char) * (2 if place % 2 else 1) for place, char in enumerate(reversed(digits))]
        if sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0:
            found.append(digits)
    return found


def search(raw: bytes, where: str) -> None:
    """Violation when a card number, its code or the person's name is there."""
    found = numbers_in(raw)
    if found:
        raise Violation(f"G2: {where} holds the card number {found[0][:6]}…")
    for word in (PERSON, PERSON.split(maxsplit=1)[0], CODE):
        if word.lower().encode() in raw.lower():
            raise Violation(f"G2: {where} holds {word!r}")


def search_database(rig: Rig) -> None:
    """Every page of the database as it would lie on the disk, free pages too."""
    search(rig._kept.database.connection().serialize(), "the database")


def search_files(paths: Iterable[Path]) -> int:
    """Every file, to its last byte; returns how many there were."""
    count = 0
    for path in paths:
        if path.is_file():
            search(path.read_bytes(), path.name)
            count += 1
    return count


def failing(names: int = 2) -> dict[str, dict[str, object]]:
    """Customers for a rig."""
    cards = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_discover")
    return {f"c{number}": worlds.customer(card) for number, card in enumerate(cards[:names])}
