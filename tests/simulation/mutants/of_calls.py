"""Bugs in the sending of a `pay`: keys, leases, budgets, fallback."""

from __future__ import annotations

import dataclasses
import itertools

from flexpay_reconcile.adapters.stripe_api import caller, charger
from flexpay_reconcile.operations import context, submit_attempt
from flexpay_reconcile.recovery import brakes
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.recovery.outcome import NotSubmitted, Unresolved
from flexpay_reconcile.values.ids import PaymentMethodId
from tests.simulation.mutants.planting import Patch, mutant


def random_key(patch: Patch) -> None:
    """Every send has a key of its own."""
    real, count = charger.StripeCharger.pay, itertools.count(1000)

    def pay(self, invoice, *, payment_method, idempotency_key, only_key=None):
        fresh = f"{idempotency_key.rpartition(':')[0]}:{next(count)}"
        return real(self, invoice, payment_method=payment_method, idempotency_key=fresh, only_key=only_key)

    patch.setattr(charger.StripeCharger, "pay", pay)


def fallback_on_timeout(patch: Patch) -> None:
    """A payment without an answer goes again through the other key."""
    real = submit_attempt._send

    def send(charger, attempt):
        found = real(charger, attempt)
        if not isinstance(found, Unresolved):
            return found
        return real(charger, dataclasses.replace(attempt, key_alias=KeyAlias.FALLBACK))

    patch.setattr(submit_attempt, "_send", send)


def fallback_on_refused_key(patch: Patch) -> None:
    """What the primary key is refused for goes through the other."""
    real = submit_attempt._send

    def send(charger, attempt):
        found = real(charger, attempt)
        refused = isinstance(found, NotSubmitted) and found.reason.value in ("key_refused", "permission_missing")
        return real(charger, dataclasses.replace(attempt, key_alias=KeyAlias.FALLBACK)) if refused else found

    patch.setattr(submit_attempt, "_send", send)
    real_call = caller.StripeCaller.call

    def call(self, *args, **kwargs):
        found = real_call(self, *args, **kwargs)
        if kwargs.get("only_key") is None and found.fault is not None and found.fault.kind.value in _KEYS:
            return real_call(self, *args, **{**kwargs, "only_key": KeyAlias.FALLBACK})
        return found

    patch.setattr(caller.StripeCaller, "call", call)


_KEYS = ("key_refused", "permission_missing")


def lease_not_asked(patch: Patch) -> None:
    """A daemon charges whoever holds the lease."""
    patch.setattr(context.Context, "hold_lease", lambda self: True)
    patch.setattr(context.Context, "may_charge", lambda self, unit: True)


def lease_never_lost(patch: Patch) -> None:
    """A daemon that once held the lease takes it that it still does."""

    def may_charge(self, unit):
        lease = unit.leases.current()
        return lease is not None

    patch.setattr(context.Context, "may_charge", may_charge)


def no_budget(patch: Patch) -> None:
    """The budget of attempts counts nothing, as after a restart that forgot it."""
    patch.setattr(brakes, "ask_attempts", lambda *_, **__: None)


def wrong_card(patch: Patch) -> None:
    """The call names another card than the one whose gates were asked."""
    real = charger.StripeCharger.pay

    def pay(self, invoice, *, payment_method, idempotency_key, only_key=None):
        return real(
            self,
            invoice,
            payment_method=PaymentMethodId("pm_card_visa"),
            idempotency_key=idempotency_key,
            only_key=only_key,
        )

    patch.setattr(charger.StripeCharger, "pay", pay)


def called_before_commit(patch: Patch) -> None:
    """The call goes out twice: once before anything is on disk."""
    real = submit_attempt._submit

    def submit(context, chargers, planned):
        integration = context.running().configuration.integrations[planned.integration_id]
        submit_attempt._send(chargers(integration, planned.account), planned)
        return real(context, chargers, planned)

    patch.setattr(submit_attempt, "_submit", submit)


def skew_ignored(patch: Patch) -> None:
    """A clock that is a day off does not stop anything."""
    from flexpay_reconcile.bootstrap import engine
    from flexpay_reconcile.values.instant import Span

    patch.setattr(engine, "MAX_SKEW", Span.of(days=400))


MUTANTS = (
    mutant("a random key for every send", random_key, "A3 A4"),
    mutant("the fallback key after a timeout", fallback_on_timeout, "B7 E10 A3 A4"),
    mutant("the fallback key where the primary is refused", fallback_on_refused_key, "E10 B7"),
    mutant("the lease is not asked", lease_not_asked, "A19 A2 A3 A12 C1"),
    mutant("a lost lease is not noticed", lease_never_lost, "A19 A3 A2"),
    mutant("budgets are forgotten", no_budget, "A13"),
    mutant("another card is sent than was asked for", wrong_card, "A20"),
    mutant("the call leaves before its intent is committed", called_before_commit, "A3 A4"),
    mutant("a wrong clock charges", skew_ignored, "F3"),
)
