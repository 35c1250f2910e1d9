"""Saved ways to pay: the first is the standard one, and what is gone stays gone."""

from dataclasses import replace

import pytest

from tallystick.domain.payments import methods, portal, purchases, views
from tallystick.domain.payments.model import Method
from tallystick.kernel.errors import Conflict, NotFound, Unavailable
from tests.db.subscriptions.shop import BEGIN

from .front import Front

pytestmark = pytest.mark.anyio


async def held(front: Front, account: int) -> list[Method]:
    async with front.shop.db.connection() as conn:
        return await views.methods(conn, front.tenant, account)


async def test_the_first_is_standard_until_another_is_made_so(front: Front) -> None:
    account = await front.shop.customer()
    one, two = await front.save(account), await front.save(account)
    assert (one.standard, two.standard) == (True, False)
    async with front.shop.tx() as tx:
        await methods.make_standard(tx, front.tenant, account, two.id, by="test")
    assert [(row.id, row.standard) for row in await held(front, account)] == [
        (two.id, True),
        (one.id, False),
    ]
    await methods.remove(front.till, front.tenant, account, two.id, by="test")
    assert [(row.id, row.standard) for row in await held(front, account)] == [(one.id, True)]
    assert len(front.bench.methods) == 1
    events = [type for type in front.events(account) if type.startswith("payment_method")]
    assert events == ["payment_method.saved", "payment_method.saved", "payment_method.removed"]


async def test_removed_again_nothing_happens(front: Front) -> None:
    account, other = await front.shop.customer(), await front.shop.customer()
    card = await front.save(account)
    with pytest.raises(NotFound):
        await methods.remove(front.till, front.tenant, other, card.id, by="test")
    front.bench.trouble("down")
    with pytest.raises(Unavailable):
        await methods.remove(front.till, front.tenant, account, card.id, by="test")
    assert len(await held(front, account)) == 1
    for _ in range(2):
        await methods.remove(front.till, front.tenant, account, card.id, by="test")
    assert await held(front, account) == []
    assert front.bench.count("forget_method") == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0), (1, 0, 1)])
async def test_what_is_gone_at_the_provider_stays_gone(front: Front, order: tuple[int, ...]) -> None:
    account = await front.shop.customer()
    customer = front.bench.customer_of(await front.uuid(account))
    async with front.shop.tx() as tx:
        await tx.execute(
            "insert into gateway_customer (account_id, gateway, tenant_id, ref) values (%s, 'sandbox', %s, %s)",
            [account, front.tenant, customer],
        )
    saved = front.bench.card(customer)
    told = [saved, replace(saved, removed=True)]
    for index in order:
        await front.take(told[index])
    assert await held(front, account) == []


async def test_the_portal_is_the_gateways(front: Front) -> None:
    account = await front.shop.customer()
    url = await portal.portal_url(front.till, front.tenant, account, "https://shop.example")
    assert url.startswith("https://pay.example/portal/cus_")
    front.bench.trouble("down")
    with pytest.raises(Unavailable):
        await portal.portal_url(front.till, front.tenant, account, "")
    front.bench.trouble("refused")
    with pytest.raises(Conflict) as refused:
        await portal.portal_url(front.till, front.tenant, account, "")
    assert refused.value.code == "gateway_refused"


async def test_one_saved_after_the_standard_one_was_declined_takes_its_place(front: Front) -> None:
    account = await front.shop.customer()
    bad = await front.save(account, "decline")
    other = await front.save(account)
    assert (bad.standard, other.standard) == (True, False)
    async with front.shop.tx() as tx:
        offer = await purchases.offer_of_package(tx, front.tenant, await front.package())
        bill, _ = await purchases.issue(
            tx, front.tenant, account, offer, cause="checkout", at=BEGIN, by="test"
        )
    assert (await front.charge(bill)).status == "failed"
    good = await front.save(account)
    assert good.standard
    assert not (await front.save(account)).standard
    assert (await front.charge(bill)).status == "succeeded"
