"""Worlds as data: frozen by version, complete, and failing as public figures say."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import pytest

from flexpay_reconcile.simulator.issuers import latent, worlds
from flexpay_reconcile.simulator.issuers.latent import LatentCard
from flexpay_reconcile.simulator.issuers.markets import Market
from flexpay_reconcile.simulator.scenario.scenario import ScenarioError, build_world
from tests.unit.simulator.helpers import DAY, HOUR, START, document

# (name, version): digest of the file, digest of the answers of 120 cards. A change of either needs a new version.
FROZEN = {
    ("eu-acting", 1): ("a923d242f3e1f62e", "7f6ad78ccc042fc3"),
    ("eu-month-end", 1): ("ea5e4de8f694fd90", "34549a3cdbc27c89"),
    ("us-acting", 1): ("d8f4fe9525add8e9", "46f608b61303b93a"),
    ("us-mixed", 1): ("2569fc32054cbeee", "dc01fb39937576c0"),
    ("us-networks", 1): ("35e9aa1b448cda4b", "46f608b61303b93a"),
    ("us-swept", 1): ("089ef862e2cbf007", "19ac5be5c655fdcb"),
    ("us-worn-cards", 1): ("6fd2ebe39940a47f", "15d4ee3845c619fc"),
}
KEY = "acct/m-{}"
BRANDS, FUNDING = ("visa", "mastercard", "amex"), ("debit", "credit", "prepaid")
ACTING = ("us-acting", "eu-acting")


def text_digest(name: str, version: int) -> str:
    """The first 16 characters of the SHA-256 of a world's file."""
    return hashlib.sha256(worlds.source(name, version).encode()).hexdigest()[:16]


def card_of(market: Market, number: int, **values) -> LatentCard:
    """A card of the world."""
    given = {
        "seed": 11,
        "key": KEY.format(number),
        "market": market,
        "zone": "America/New_York",
        "brand": BRANDS[number % 3],
        "funding": FUNDING[number // 3 % 3],
        "since": START - number * 5000,
    }
    return LatentCard(**{**given, **values})


def told(market: Market) -> str:
    """A digest of what a world's issuers say to many cards at many instants, with earlier attempts and amounts."""
    total = hashlib.sha256()
    for number in range(120):
        card = card_of(market, number)
        earlier: list[int] = []
        for step in range(40):
            now = START + step * 31 * HOUR
            answer = latent.answer(card, now, earlier, amount=900 * (1 + number % 7))
            total.update(repr((answer.code, answer.decline_code, answer.network_decline_code)).encode())
            total.update(repr((answer.network_advice_code, answer.advice_code)).encode())
            if step % 5 == 0:
                earlier.append(now)
    return total.hexdigest()[:16]


def answers_of(market: Market, *, days: int = 60, cards: int = 400, **values):
    """(card, answer) of first attempts, one a card and day."""
    for number in range(cards):
        card = card_of(market, number, **values)
        for day in range(0, days, 3):
            yield card, latent.answer(card, START + day * DAY + number * 200, [], amount=2900)


def book_of(world: str, count: int = 900, seed: int = 7, **account):
    """A world of one book."""
    entry = {"name": "m", "count": count, "price": "gold", "world": world, "time_zones": ["America/New_York"]}
    made = document(customers={}, books=[entry], **account)
    made["seed"] = seed
    return build_world(made)


def test_every_world_is_frozen() -> None:
    """A world's file and its issuers' answers never change without a new version."""
    found = {
        (name, version): (text_digest(name, version), told(worlds.find(f"{name}@{version}")))
        for name, versions in worlds.versions().items()
        for version in versions
    }
    assert found == FROZEN


def test_a_changed_figure_turns_the_digest_red() -> None:
    """The digests bite: one rate of one world changed, and both differ."""
    market = worlds.find("us-mixed@1")
    changed = replace(market, dead=replace(market.dead, rate=market.dead.rate * 1.5))
    assert told(changed) != FROZEN["us-mixed", 1][1]
    text = worlds.source("us-mixed", 1).replace("rate = 0.024", "rate = 0.036")
    assert hashlib.sha256(text.encode()).hexdigest()[:16] != FROZEN["us-mixed", 1][0]
    assert worlds.parse(text).dead.rate == 0.036


def test_a_name_alone_takes_the_newest(monkeypatch) -> None:
    """`name` is the newest version, `name@1` the first; what is not there is a LookupError."""
    one = worlds.source("us-mixed", 1)
    texts = {"us-mixed@1": one, "us-mixed@2": one.replace("version = 1", "version = 2"), "us-mixed@10": "x"}
    monkeypatch.setattr(worlds, "_texts", lambda *_: {key: texts[key] for key in ("us-mixed@1", "us-mixed@2")})
    worlds._read.cache_clear()
    assert worlds.find("us-mixed").version == 2
    assert worlds.find("us-mixed@1").version == 1
    worlds._read.cache_clear()
    for wanted in ("us-mixed@3", "us-mixed@", "us-mixed@one", "us-mixed@-1", "moon", ""):
        with pytest.raises(LookupError):
            worlds.find(wanted)


def test_a_file_must_say_what_it_is_called(monkeypatch) -> None:
    """A file whose name and content disagree is refused."""
    text = worlds.source("us-mixed", 1)
    monkeypatch.setattr(worlds, "_texts", lambda *_: {"us-other@1": text})
    worlds._read.cache_clear()
    with pytest.raises(worlds.BadWorld, match="calls itself us-mixed@1"):
        worlds.find("us-other")
    worlds._read.cache_clear()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sweep = 0.0", "sweeep = 0.0"),
        ("sweep = 0.0", ""),
        ("sweep = 0.0", 'sweep = "much"'),
        ("issuers = 40", "issuers = 4.5"),
        ("hides = [2, 4]", "hides = [2]"),
        ("version = 1", "version = true"),
        ("brands = {visa = 0.6, mastercard = 0.3, amex = 0.06, discover = 0.04}", "brands = {}"),
    ],
)
def test_a_world_says_everything_and_nothing_else(old, new) -> None:
    """A missing, unknown or wrongly typed parameter is refused."""
    text = worlds.source("us-mixed", 1)
    assert old in text
    with pytest.raises(worlds.BadWorld):
        worlds.parse(text.replace(old, new))


@pytest.mark.parametrize("name", [f"{name}@{v}" for name, versions in worlds.versions().items() for v in versions])
def test_every_world_fails_like_a_real_one(name) -> None:
    """Between 9 and 17 % of renewals fail at first, most of them for funds or without a reason."""
    world = book_of(name)
    world.advance_to(START + 31 * DAY)
    renewals = [row for row in world.ledger.charges if row["source"] == "stripe"]
    failed = [row for row in renewals if row["status"] == "failed"]
    assert 0.09 < len(failed) / len(renewals) < 0.17
    soft = sum(row["reason"] in ("insufficient_funds", "do_not_honor", "generic_decline") for row in failed)
    assert 0.5 < soft / len(failed) < 0.88


def test_a_scenario_names_a_world_with_its_version() -> None:
    """`us-mixed` and `us-mixed@1` are one world today; a version that does not exist is refused with its path."""
    assert book_of("us-mixed", 50).ledger.digest() == book_of("us-mixed@1", 50).ledger.digest()
    with pytest.raises(ScenarioError) as caught:
        book_of("us-mixed@9", 1)
    assert caught.value.path == "accounts.acct_1AcmeUS.books[0].world"


def test_the_first_worlds_hold_nobody_who_acts() -> None:
    """Version 1 of the four first worlds has no people, so nothing happens that Stripe or a request did not do."""
    for name in ("us-mixed", "us-swept", "us-worn-cards", "eu-month-end"):
        world = book_of(f"{name}@1", 60)
        assert world.sim.people is None
        world.advance_to(START + 40 * DAY)
        assert {row["source"] for row in world.ledger.charges} == {"history", "stripe"}


def test_mastercard_folds_reasons_and_advises() -> None:
    """us-networks: some Mastercard issuers answer 79, 82, 83, always with advice; Visa never does."""
    codes: dict[str, Counter[str]] = {"visa": Counter(), "mastercard": Counter()}
    advice: Counter[str] = Counter()
    for brand, seen in codes.items():
        for _, answer in answers_of(worlds.find("us-networks"), brand=brand, days=120):
            seen[str(answer.network_decline_code)] += 1
            if brand == "mastercard" and answer.network_decline_code in ("79", "82", "83"):
                assert answer.network_advice_code in ("01", "02", "03", "21")
                advice[str(answer.network_advice_code)] += 1
    assert {"79", "82", "83"} <= set(codes["mastercard"])
    assert not {"79", "82", "83"} & set(codes["visa"])
    assert {"41", "43", "51", "54"} <= set(codes["visa"])
    assert {"01", "03"} <= set(advice)


def test_stop_orders_are_told_by_network_code_or_advice() -> None:
    """A payment the holder stopped is R1 on Visa; where a Mastercard issuer says so, the advice is 21."""
    market = worlds.find("us-networks")
    stopped = replace(market, dead=replace(market.dead, rate=30.0, codes=(("revocation_of_authorization", 1.0),)))
    visa = {answer.network_decline_code for _, answer in answers_of(stopped, brand="visa", cards=60)}
    mastercard = {answer.network_advice_code for _, answer in answers_of(stopped, brand="mastercard", cards=60)}
    assert "R1" in visa
    assert {"03", "21"} <= mastercard


def test_prepaid_credit_and_debit_fail_in_ways_of_their_own() -> None:
    """us-networks: a prepaid card is empty between top-ups, a credit card full until the statement is paid."""
    market = worlds.find("us-networks")
    shares = {}
    for funding in FUNDING:
        found = [answer for _, answer in answers_of(market, funding=funding, brand="mastercard", cards=400)]
        shares[funding] = sum(answer.decline_code == "insufficient_funds" for answer in found) / len(found)
        if funding == "prepaid":
            assert any(answer.network_advice_code == "40" for answer in found)
        else:
            assert not any(answer.network_advice_code == "40" for answer in found)
    assert len({round(share, 4) for share in shares.values()}) == 3
    assert all(0.005 < share < 0.12 for share in shares.values())


def test_a_larger_amount_finds_the_money_gone_sooner() -> None:
    """us-networks: of the same cards at the same instants, 90 dollars fail where 9 do, and elsewhere besides."""
    market = worlds.find("us-networks")
    only_more = 0
    for number in range(500):
        card = card_of(market, number, funding="debit")
        for day in range(0, 30, 2):
            now = START + day * DAY
            small = latent.answer(card, now, [], amount=900).approved
            large = latent.answer(card, now, [], amount=9000).approved
            assert small or not large
            only_more += small and not large
    assert only_more > 10


def test_retries_are_answered_otherwise_than_first_attempts() -> None:
    """us-networks: later attempts hide the reason more often, and a fifth within a day is one too many."""
    market = worlds.find("us-networks")
    first = retry = short = 0
    for number in range(600):
        card = card_of(market, number, funding="debit", brand="visa")
        for day in range(0, 60, 5):
            now = START + day * DAY
            fresh, again = latent.answer(card, now, []), latent.answer(card, now, [now - 2 * DAY])
            if fresh.decline_code == "insufficient_funds" or again.decline_code == "insufficient_funds":
                short += 1
                first += fresh.decline_code == "insufficient_funds"
                retry += again.decline_code == "insufficient_funds"
    assert short > 30
    assert retry < first
    good = next(card_of(market, n) for n in range(50) if latent.answer(card_of(market, n), START, []).approved)
    today = [START - hour * HOUR for hour in (23, 18, 12, 7)]
    assert latent.answer(good, START, today).decline_code == "card_velocity_exceeded"


def test_the_hour_of_the_day_matters_for_an_issuer() -> None:
    """us-networks: an issuer's refusals without a cause swing with the local hour, with a phase of its own."""
    market = worlds.find("us-networks")
    quiet = replace(
        market,
        noise=replace(market.noise, base=0.0, swing=1.0),
        funds=replace(market.funds, buffers=(("deep", 1.0),), prepaid_empty=0.0),
        dead=replace(market.dead, rate=1e-9),
        expiry=replace(market.expiry, rate=1e-9),
        hold=replace(market.hold, rate=0.0),
        outage=replace(market.outage, rate=0.0),
        challenge_rate=0.0,
    )
    card = card_of(quiet, 1, funding="debit")
    refused = [0] * 24
    for hour in range(24 * 60):
        refused[hour % 24] += not latent.answer(card, START + hour * HOUR, []).approved
    assert max(refused) > 50
    assert min(refused) < 10
    assert max(refused[hour] - refused[hour - 1] for hour in range(24)) < 35


@pytest.mark.parametrize("name", ACTING)
def test_acting_worlds_name_their_sources(name) -> None:
    """Every world with people says where figures come from, and which are invented."""
    text = worlds.source(name, 1)
    assert "[sources]" in text
    assert "invented" in text
    assert worlds.find(name).people is not None


def test_3d_secure_is_asked_for_more_often_in_europe() -> None:
    """eu-acting challenges several times as often as us-acting."""
    asked = {}
    for name in ACTING:
        found = [answer for _, answer in answers_of(worlds.find(name), cards=300)]
        asked[name] = sum(answer.decline_code == "authentication_required" for answer in found) / len(found)
    assert asked["eu-acting"] > 3 * asked["us-acting"] > 0
