"""The ledger: what was given and which holds ran out is told, by the lanes and by everybody else alike."""

import asyncio
from datetime import timedelta

import pytest

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger import jobs
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.model import Answer
from tallystick.kernel.ids import Kind, inner_uuid, typeid
from tests.db.subscriptions.shop import BEGIN, CREDIT, DAY, Shop, at

from .told import account_id, events, last, types, undone

pytestmark = pytest.mark.anyio


def grant(account: int, credits: int, **more: object) -> command.Grant:
    return command.Grant(account=account, credit_type="credits", amount=credits * CREDIT, **more)  # type: ignore[arg-type]


def hold(account: int, credits: int, **more: object) -> command.Hold:
    return command.Hold(
        account=account, credit_type="credits", amount=credits * CREDIT, expires_in=60, **more  # type: ignore[arg-type]
    )  # fmt: skip


async def test_a_grant_is_told_of(shop: Shop) -> None:
    acme = await shop.customer()
    async with undone(shop) as tx:
        heads = await ledger.lock(tx, [acme])
        await ledger.apply(
            tx, heads, [command.order(grant(acme, 1), tenant=shop.tenant, actor="test")], rates_in_force
        )
    assert types(shop, group="credits") == []
    await shop.order(grant(acme, 10))
    labels = command.Labels(reference="order-7", description="Thanks")
    expires = at("2027-06-30T00:00:00")
    await shop.order(grant(acme, 5, source="purchase", expires_at=expires, labels=labels))
    row = last(shop, "credits.granted")
    assert (row["account_id"], row["at"]) == (acme, BEGIN)
    assert row["data"] == {
        "id": typeid("grant", inner_uuid(acme, Kind.GRANT, 2)),
        "account": account_id(shop, acme),
        "credit_type": "credits",
        "amount": "5",
        "source": "purchase",
        "expires_at": "2027-06-30T00:00:00Z",
        "balance": "15",
        "available": "15",
        "entry": typeid("entry", inner_uuid(acme, Kind.ENTRY, 2)),
        "reference": "order-7",
        "description": "Thanks",
    }
    first = events(shop, group="credits")[0]["data"]
    assert (first["balance"], first["source"], first["expires_at"]) == ("10", "bonus", None)


async def test_what_moves_credits_otherwise_is_not_a_grant(shop: Shop) -> None:
    acme, globex = await shop.customer(), await shop.customer()
    await shop.order(grant(acme, 10))
    await shop.spend(acme, 3)
    async with shop.tx() as tx:
        heads = await ledger.lock(tx, [acme, globex])
        asked = command.Transfer(account=acme, to=globex, credit_type="credits", amount=2 * CREDIT)
        one = command.order(asked, tenant=shop.tenant, actor="test")
        [result] = await ledger.apply(tx, heads, [one], rates_in_force)
        assert isinstance(result, Answer)
    await shop.order(command.Reverse(account=acme, entry=2))
    await shop.order(
        command.Adjust(account=acme, credit_type="credits", direction="credit", amount=CREDIT, reason="found")
    )
    await shop.order(hold(acme, 1))
    await shop.order(command.Release(account=acme, hold=1))
    await shop.set_time(BEGIN + DAY)
    await shop.order(command.EndDue(account=acme))
    assert types(shop, group="credits") == ["credits.granted"]


async def test_a_hold_that_runs_out_is_told_of(shop: Shop) -> None:
    acme = await shop.customer()
    await shop.order(grant(acme, 10))
    await shop.order(hold(acme, 4))
    labels = command.Labels(reference="job-1")
    await shop.order(hold(acme, 3, on_expiry="capture_reported", labels=labels))
    await shop.order(command.Report(account=acme, hold=2, amount=CREDIT))
    await shop.set_time(BEGIN + DAY)
    async with undone(shop) as tx:
        await ledger.end_due(tx, rates_in_force, tenant=shop.tenant)
    assert types(shop, group="credits.hold") == []
    await jobs.sweep(shop.db, rates_in_force, tenant=shop.tenant)
    await jobs.sweep(shop.db, rates_in_force, tenant=shop.tenant)
    one, two = events(shop, group="credits.hold")
    assert (one["account_id"], one["at"], two["at"]) == (acme, *[BEGIN + timedelta(seconds=60)] * 2)
    assert two["data"] == {
        "id": typeid("hold", inner_uuid(acme, Kind.HOLD, 2)),
        "account": account_id(shop, acme),
        "credit_type": "credits",
        "amount": "3",
        "captured": "1",
        "released": "2",
        "expires_at": "2027-01-31T10:01:00Z",
        "balance": "9",
        "available": "9",
        "reference": "job-1",
        "description": None,
    }
    assert (one["data"]["captured"], one["data"]["released"]) == ("0", "4")


async def test_the_end_of_a_hold_comes_before_what_found_it_due(shop: Shop) -> None:
    acme = await shop.customer()
    await shop.order(grant(acme, 10))
    await shop.order(hold(acme, 4))
    await shop.set_time(BEGIN + DAY)
    await shop.order(grant(acme, 1))
    assert types(shop, account=acme, group="credits") == [
        "credits.granted",
        "credits.hold_expired",
        "credits.granted",
    ]


async def test_lanes_tell_of_many_tenants_at_once(shop: Shop) -> None:
    other = Shop(shop.db, shop.rows("select id from tenant where id <> %s", shop.tenant)[0]["id"])
    people = [(shop, await shop.customer()) for _ in range(20)] + [
        (other, await other.customer()) for _ in range(20)
    ]
    lanes = Lanes(shop.db, rates_in_force)
    await lanes.start()
    try:
        await asyncio.gather(
            *(
                lanes.submit(command.order(grant(one, number), tenant=of.tenant, actor="test"))
                for of, one in people
                for number in (1, 2, 3)
            )
        )
    finally:
        await lanes.stop()
    for of, one in people:
        told = events(of, account=one, group="credits")
        assert [row["type"] for row in told] == ["credits.granted"] * 3
        balances = [int(row["data"]["balance"]) for row in told]
        assert balances == sorted(balances)
        assert balances[-1] == 6
    assert len(events(shop, group="credits")) == len(events(other, group="credits")) == 60
