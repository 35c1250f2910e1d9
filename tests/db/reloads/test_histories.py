"""Whatever happens, in whatever order: what must hold of reloads holds."""

import random
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from tests.db.subscriptions.shop import BEGIN
from tests.doubles.gateway import Trouble

from .bench import Place

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

ZONE = "Africa/Kampala"
CAP = 600
COOLDOWN = 1800
ACTS = [
    *["spend"] * 5,
    *["work"] * 4,
    *["step", "charge", "time", "far", "put", "off", "card", "trouble", "give"],
]
TROUBLES: list[Trouble | None] = ["down", "lost", None]
SEEDS = [*range(3), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 60))]


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_must_hold(place: Place, seed: int) -> None:
    chance = random.Random(seed)
    account = await place.customer(time_zone=ZONE)
    uuid = place.shop.rows("select uuid from account_head where account_id = %s", account)[0]["uuid"]
    await place.alert(account, 70)
    await place.auto(account, threshold=50, amount=100, cooldown=COOLDOWN, monthly_cap=CAP)
    ahead = timedelta()
    for _ in range(60):
        match chance.choice(
            ["spend"] * 5
            + ["work"] * 4
            + ["step", "charge", "time", "far", "put", "off", "card", "trouble", "give"]
        ):
            case "spend":
                await place.shop.spend(account, chance.randint(1, 80))
            case "give":
                await place.give(account, chance.randint(1, 60))
            case "work":
                await place.work()
            case "step":
                await place.begin()
            case "charge":
                await place.charge()
            case "time":
                ahead += timedelta(seconds=chance.randint(1, 3600))
                await place.shop.set_time(BEGIN + ahead)
            case "far":
                ahead += timedelta(days=chance.randint(1, 12))
                await place.shop.set_time(BEGIN + ahead)
            case "put":
                await _set(place, account, enabled=True)
            case "off":
                await _set(place, account, enabled=False)
            case "card":
                await place.card(account, uuid, chance.choice(["ok", "ok", "decline", "action"]))
                await _use_newest(place, account)
            case "trouble":
                place.bench.trouble(*chance.choices(TROUBLES, k=2))
        _retry_now(place)
        _check(place, account)
    place.bench.troubles.clear()
    _retry_now(place)
    await place.work()
    _check(place, account)
    assert "in_flight" not in [status for status, _, _ in place.reloads(account)]
    assert len(place.bought(account)) == _succeeded(place, account)
    assert len(place.events(account, "credits.reloaded")) == _succeeded(place, account)


async def _set(place: Place, account: int, *, enabled: bool) -> None:
    await place.auto(account, threshold=50, amount=100, cooldown=COOLDOWN, monthly_cap=CAP, enabled=enabled)


async def _use_newest(place: Place, account: int) -> None:
    """What a person does whose card was declined: another one, and on again."""
    [row] = place.shop.rows(
        "select id from payment_method where account_id = %s order by id desc limit 1", account
    )
    await place.auto(account, threshold=50, amount=100, cooldown=COOLDOWN, monthly_cap=CAP, method=row["id"])


def _retry_now(place: Place) -> None:
    place.shop.rows("update payment set retry_at = null where retry_at is not null returning 1")


def _succeeded(place: Place, account: int) -> int:
    return sum(status == "succeeded" for status, _, _ in place.reloads(account))


def _check(place: Place, account: int) -> None:
    rows = place.reloads(account)
    statuses = [status for status, _, _ in rows]
    # one in flight, and it is the last
    assert statuses.count("in_flight") <= 1
    assert "in_flight" not in statuses[:-1]
    # a charge a reload, a grant a charge that was seen
    assert len(place.bench.charges) <= len(rows)
    assert place.bench.taken <= 100 * (len(rows) - statuses.count("failed"))
    assert place.bench.taken >= 100 * statuses.count("succeeded")
    # the cool-down, by the moments they were wanted at
    for one, other in pairwise(wanted for _, _, wanted in rows):
        assert (other - one).total_seconds() >= COOLDOWN
    # the cap of each month, in the customer's zone
    months: dict[tuple[int, int], int] = {}
    for status, amount, wanted in rows:
        if status != "failed":
            day = wanted.astimezone(ZoneInfo(ZONE))
            months[day.year, day.month] = months.get((day.year, day.month), 0) + amount
    assert all(spent <= CAP for spent in months.values()), months
    # an invoice of one that failed asks for no money any more
    ended = dict(zip(place.invoices(account), statuses, strict=True)) if len(rows) == 1 else {}
    assert ended.get("open", "in_flight") == "in_flight"
