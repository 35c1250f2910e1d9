"""A clock that is moved a season at once gives what one gives that is moved day by day: the same charges, reminders,
invoices, allowances and books.

One history, drawn at random: a customer whose cards are good, bad or none, who saves others, pays by hand, changes the
plan and spends.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from tallystick.domain.catalog.terms import Allowance, Reset
from tallystick.domain.identity import actions as identity
from tallystick.domain.ledger.verify import verify
from tallystick.domain.payments.policy import Policy
from tallystick.domain.subscriptions import actions
from tallystick.kernel.errors import Conflict
from tests.db.payments.front import Front
from tests.db.subscriptions.shop import BEGIN, CREDIT, DAY, Shop, flat
from tests.doubles.gateway import Card

from .desk import Desk

pytestmark = pytest.mark.anyio

SEASON = 130
CARDS: list[Card] = ["ok", "ok", "decline", "decline", "stolen"]


@dataclass(frozen=True)
class Act:
    at: datetime
    what: str
    card: Card
    amount: int


@dataclass(frozen=True)
class History:
    policy: Policy
    reset: Reset
    prices: tuple[int, int]
    cards: list[Card]
    acts: list[Act]
    end: datetime


def drawn(seed: int, days: int) -> History:
    chance = Random(seed)
    policy = Policy(
        retry_days=tuple(sorted(chance.sample(range(12), chance.randint(0, 5)))),
        reminder_days=tuple(sorted(chance.sample(range(-3, 40), chance.randint(0, 5)))),
    )
    resets: list[Reset] = ["daily", "weekly", "monthly"]
    whats = ["save"] * 4 + ["spend"] * 4 + ["pay"] * 2 + ["change", "cancel_end", "revoke_cancel"]
    moments = sorted(chance.randint(1, days * 86_400) for _ in range(chance.randint(1, 9)))
    acts = [
        Act(
            BEGIN + timedelta(seconds=one),
            chance.choice(whats),
            chance.choice(CARDS),
            chance.randint(1, 9),
        )
        for one in moments
    ]
    prices = (chance.randint(100, 5000), chance.randint(5001, 9000))
    return History(
        policy,
        chance.choice(resets),
        prices,
        chance.sample(CARDS, chance.randint(0, 1)),
        acts,
        BEGIN + days * DAY,
    )


async def lived(desk: Desk, history: History, step: timedelta) -> dict[str, Any]:
    """What comes of a history when the clock goes no further at once than a step."""
    async with desk.shop.db.tx() as tx:
        app = await identity.create_app(tx, "Another shop")
    own = Desk(Front(Shop(desk.shop.db, app.test)))
    shop = own.shop
    await own.front.policy(retry_days=history.policy.retry_days, reminder_days=history.policy.reminder_days)
    allowances = [Allowance(credit_type="credits", amount=20 * CREDIT, reset=history.reset)]
    plans = [
        await shop.plan(f"Plan {rank}", flat(price), allowances=allowances, rank=rank)
        for rank, price in enumerate(history.prices)
    ]
    account = await shop.customer(email="ada@example.com")
    row = await shop.subscribe(account, plans[0])
    for card in history.cards:
        await own.switch(row, card)
    said = []
    for act in [*history.acts, Act(history.end, "end", "ok", 0)]:
        while (now := await shop.now()) < act.at:
            assert not (await own.until(min(act.at, now + step))).unfinished
        try:
            match act.what:
                case "save":
                    await own.switch(row, act.card)
                case "spend":
                    said.append(type(await shop.spend(account, act.amount)).__name__)
                case "pay":
                    await shop.pay_all(row)
                case "change":
                    await shop.act(actions.change, row, plan=plans[act.amount % 2])
                case "cancel_end":
                    await shop.act(actions.cancel, row, at_period_end=True)
                case "revoke_cancel":
                    await shop.act(actions.revoke_cancel, row)
        except Conflict as fact:
            said.append(f"{act.what}: {fact.code}")
        await own.until(act.at)
    return {"said": said} | tables(shop, account)


def tables(shop: Shop, account: int) -> dict[str, Any]:
    of = "where account_id = %s order by"
    found = {
        "log": shop.rows(f"select kind, at, seq from subscription_change {of} seq", account),
        "invoices": shop.rows(
            "select status, reason, issued_at, paid_at, total, amount_paid, collect_at, remind_at"
            f" from invoice {of} place",
            account,
        ),
        "payments": shop.rows(
            f"select cause, status, amount, applied, failure_code, wanted_at from payment {of} wanted_at, id",
            account,
        ),
        "reminders": shop.rows(
            "select at, data ->> 'days_overdue' as day, data ->> 'number' as number from event"
            " where account_id = %s and type = 'invoice.reminded' order by at, number",
            account,
        ),
        "mails": shop.rows(f"select kind, subject from mail {of} kind, subject", account),
        "entries": shop.rows(f"select kind, amount, effective_at from entry {of} seq", account),
        "subscription": shop.rows(
            f"select status, period_start, due_at, next_at, grace_until, unpaid_until from subscription {of} id",
            account,
        ),
    }
    plain: dict[str, Any] = json.loads(json.dumps(found, default=str))
    return plain


async def same(desk: Desk, seed: int, days: int, *steps: float) -> None:
    history = drawn(seed, days)
    daily = await lived(desk, history, DAY)
    for name, step in [("at once", 1000 * DAY), *((f"by {days} days", days * DAY) for days in steps)]:
        other = await lived(desk, history, step)
        for table, rows in daily.items():
            assert rows == other[table], f"seed {seed}, {name}: {table}"
    assert (await verify(desk.shop.db)).ok


@pytest.mark.parametrize("seed", range(2))
async def test_at_once_is_as_day_by_day(desk: Desk, seed: int) -> None:
    await same(desk, seed, 45)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1100))
async def test_at_once_is_as_day_by_day_often(desk: Desk, seed: int) -> None:
    await same(desk, seed, SEASON, 7.3)
