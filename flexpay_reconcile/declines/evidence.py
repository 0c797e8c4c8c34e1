"""Everything Stripe said about one refused payment, as one value. Judges nothing; `classify` reads it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One refused payment's facts; names are Stripe's, values as given, all optional.

    `network` is the card's network (`visa`, `amex`, …); `payment_method_type` is `card`, `us_bank_account`, …;
    `card_country` is ISO 3166 alpha-2; `network_status` is `charge.outcome.network_status`.
    """

    network: str | None = None
    payment_method_type: str | None = None
    error_code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None
    outcome_type: str | None = None
    outcome_reason: str | None = None
    network_status: str | None = None
    card_country: str | None = None
    requires_action: bool = False

    @property
    def reached_network(self) -> bool:
        """Whether the network saw the request, so that it counts against ceilings; yes where Stripe says nothing.

        What `network_status` says goes before `outcome_type`: Stripe may also block after the bank approved
        (`reversed_after_approval`), and then the network has counted.
        """
        facts = self.normalised()
        if facts.network_status is not None:
            return facts.network_status != "not_sent_to_network"
        return facts.outcome_type not in ("blocked", "invalid")

    def normalised(self) -> Evidence:
        """The same facts without spaces around them and in one case; an empty text is None.

        Stripe's words become lower-case, network codes and the country upper-case; a one-digit network code gets a zero
        in front.
        """
        changes: dict[str, str | None] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, str):
                changes[field.name] = _clean(field.name, value)
        return replace(self, **changes)  # type: ignore[arg-type]


_UPPER = frozenset({"network_decline_code", "network_advice_code", "card_country"})
_PADDED = frozenset({"network_decline_code", "network_advice_code"})


def _clean(name: str, value: str) -> str | None:
    """One field's text in its normal form."""
    text = value.strip()
    if not text:
        return None
    text = text.upper() if name in _UPPER else text.lower()
    if name in _PADDED and text.isdigit():
        return text.zfill(2)
    return text
