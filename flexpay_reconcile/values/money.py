"""Money: whole minor units of one currency. No floats, no division, no conversion between currencies."""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.values import currency as currencies
from flexpay_reconcile.values.currency import Currency


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in minor units, for example 1999 with USD for 19.99 dollars; may be negative (a refund)."""

    amount_minor: int
    currency: Currency

    def __post_init__(self) -> None:
        """Refuse anything that is not a whole number."""
        if type(self.amount_minor) is not int:
            raise BrokenInvariant(f"money needs a whole number of minor units, got {type(self.amount_minor).__name__}")

    def plus(self, other: Money) -> Money:
        """The sum; two currencies are a bug."""
        self._same(other)
        return Money(amount_minor=self.amount_minor + other.amount_minor, currency=self.currency)

    def minus(self, other: Money) -> Money:
        """The difference; two currencies are a bug."""
        self._same(other)
        return Money(amount_minor=self.amount_minor - other.amount_minor, currency=self.currency)

    def is_positive(self) -> bool:
        """More than nothing."""
        return self.amount_minor > 0

    def text(self) -> str:
        """For people: `19.99 USD`, `500 JPY`, `-1.250 KWD`; digits only, no locale."""
        sign = "-" if self.amount_minor < 0 else ""
        digits = str(abs(self.amount_minor))
        exponent = self.currency.exponent
        if exponent == 0:
            return f"{sign}{digits} {self.currency.code}"
        digits = digits.rjust(exponent + 1, "0")
        return f"{sign}{digits[:-exponent]}.{digits[-exponent:]} {self.currency.code}"

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise BrokenInvariant(f"cannot combine {self.currency.code} with {other.currency.code}")


def of(amount_minor: int, code: str) -> Money:
    """Money from a Stripe amount and a currency code in either case."""
    return Money(amount_minor=amount_minor, currency=currencies.of(code))


def totals(amounts: list[Money]) -> list[Money]:
    """One sum per currency, in order of currency code; never across currencies."""
    sums: dict[str, Money] = {}
    for amount in amounts:
        code = amount.currency.code
        sums[code] = sums[code].plus(amount) if code in sums else amount
    return [sums[code] for code in sorted(sums)]
