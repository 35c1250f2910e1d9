"""Alerts of low balances: once for each fall below a threshold."""

import pytest

from tallystick.domain.ledger import commands as command
from tallystick.domain.reloads import actions, views
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tests.db.subscriptions.shop import BEGIN, CREDIT

from .bench import Place

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


async def test_a_fall_is_told_once_and_again_after_it_was_back(place: Place) -> None:
    account = await place.customer(card=None)
    alert = await place.alert(account, 50)
    await place.spend(account, 60)
    await place.spend(account, 10)
    await place.work()
    [told] = place.events(account, "credits.low_balance")
    assert told.pop("id").startswith("alert_")
    assert told.pop("account").startswith("acct_")
    assert told == {"at": BEGIN, "credit_type": "credits", "threshold": "50", "available": "40"} or (
        told["available"] == "40"
    )
    await place.spend(account, 10)
    await place.work()
    assert len(place.events(account, "credits.low_balance")) == 1
    await place.give(account, 80)
    await place.spend(account, 80)
    await place.work()
    assert len(place.events(account, "credits.low_balance")) == 2
    async with place.db.connection() as conn:
        assert (await views.alert(conn, place.tenant, alert.id)).told_at == BEGIN


async def test_several_thresholds_are_events_each_and_one_letter(place: Place) -> None:
    account = await place.customer(card=None)
    await place.alert(account, 80)
    await place.alert(account, 50, email=True)
    await place.alert(account, 20, email=True)
    await place.spend(account, 90)
    await place.work()
    assert sorted(one["threshold"] for one in place.events(account, "credits.low_balance")) == [
        "20",
        "50",
        "80",
    ]
    [letter] = place.mail(account, "low_balance")
    assert "below 20" in letter
    assert "10" in letter


async def test_a_dip_that_is_over_was_one(place: Place) -> None:
    account = await place.customer(card=None)
    await place.alert(account, 50)
    await place.spend(account, 60)
    await place.give(account, 100)
    await place.work()
    assert len(place.events(account, "credits.low_balance")) == 1


async def test_an_alert_on_a_low_wallet_tells_at_once(place: Place) -> None:
    account = await place.customer(credits=10)
    await place.auto(account, threshold=50, enabled=True, amount=1, cooldown=3600)
    await place.work()
    # the same threshold is watched already: it tells none the less
    await place.alert(account, 50)
    await place.work()
    assert len(place.events(account, "credits.low_balance")) == 1


async def test_an_alert_and_a_reload_at_one_threshold_are_both(place: Place) -> None:
    account = await place.customer()
    await place.alert(account, 50)
    await place.auto(account, threshold=50, amount=100)
    await place.spend(account, 60)
    await place.work()
    assert len(place.events(account, "credits.low_balance")) == 1
    assert place.bought(account) == [100]


async def test_a_removed_alert_is_silent_and_unwatched(place: Place) -> None:
    account = await place.customer(card=None)
    alert = await place.alert(account, 50)
    async with place.db.tx() as tx:
        await actions.remove_alert(tx, place.tenant, alert.id, by="test")
    await place.spend(account, 90)
    await place.work()
    assert place.events(account, "credits.low_balance") == []
    assert place.shop.rows("select 1 from wallet where watches is not null") == []


async def test_what_cannot_be_set(place: Place) -> None:
    account = await place.customer(card=None)
    alert = await place.alert(account, 50)
    with pytest.raises(Conflict, match="this threshold"):
        await place.alert(account, 50)
    with pytest.raises(Invalid):
        await place.alert(account, 0)
    for threshold in range(1, 10):
        await place.alert(account, threshold)
    with pytest.raises(Conflict, match="at most"):
        await place.alert(account, 99)
    async with place.db.tx() as tx:
        with pytest.raises(NotFound):
            await actions.remove_alert(tx, place.tenant + 1, alert.id, by="test")
        with pytest.raises(Invalid):
            await actions.add_alert(tx, place.tenant, account, "nothing", threshold=CREDIT, by="test")


async def test_a_rollback_tells_nothing(place: Place) -> None:
    account = await place.customer(card=None)
    await place.alert(account, 50)
    await place.shop.order(command.Debit(account=account, credit_type="credits", amount=500 * CREDIT))
    await place.work()
    assert place.events(account, "credits.low_balance") == []
