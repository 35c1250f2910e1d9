"""What ends a reload: a decline stops it and says so; a month's cap makes it wait; an outage neither."""

from datetime import UTC, datetime, timedelta

import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.payments import methods, settling
from tallystick.domain.payments import views as payments
from tests.db.subscriptions.shop import BEGIN, CREDIT
from tests.doubles.gateway import Card

from .bench import Place

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


@pytest.mark.parametrize(
    ("card", "reason"),
    [("decline", "card_declined"), ("stolen", "stolen_card"), ("action", "requires_action")],
)
async def test_a_decline_stops_it_and_says_so(place: Place, card: Card, reason: str) -> None:
    account = await place.customer(card=card, name="Acme")
    await place.auto(account)
    await place.spend(account, 60)
    await place.work()
    assert place.reloads(account) == [("failed", 100, BEGIN)]
    assert place.invoices(account) == ["void"]
    assert place.bench.taken == 0
    standing = await place.standing(account)
    assert (standing.state, standing.setting.stop_reason, standing.spent) == ("stopped", reason, 0)
    [told] = place.events(account, "credits.reload_failed")
    assert (told["reason"], told["stopped"], told["resumes_at"]) == (reason, True, None)
    assert (told["amount"], told["credits"], told["threshold"]) == ("1.00", "100", "50")
    [letter] = place.mail(account, "reload_failed")
    assert "100" in letter
    assert "Acme" in letter
    # and it stays so: nothing more is tried
    await place.give(account, 60)
    await place.spend(account, 60)
    await place.until(BEGIN + timedelta(days=40))
    assert len(place.reloads(account)) == 1
    assert len(place.events(account, "credits.reload_failed")) == 1
    assert place.bench.count("charge") == 1


async def test_set_again_it_goes_on(place: Place) -> None:
    account = await place.customer(card="decline")
    await place.auto(account)
    await place.spend(account, 60)
    await place.work()
    uuid = place.shop.rows("select uuid from account_head where account_id = %s", account)[0]["uuid"]
    await place.card(account, uuid, "ok")
    method = place.shop.rows(
        "select id from payment_method where account_id = %s order by id desc limit 1", account
    )
    await place.auto(account, method=method[0]["id"], cooldown=0)
    await place.work()
    assert (await place.standing(account)).state == "ready"
    assert place.bought(account) == [100]


async def test_a_way_to_pay_that_is_gone_stops_it(place: Place) -> None:
    account = await place.customer()
    await place.auto(account)
    method = place.shop.rows("select id from payment_method where account_id = %s", account)[0]["id"]
    await methods.remove(place.till, place.tenant, account, method, by="test")
    await place.spend(account, 60)
    await place.work()
    assert (await place.standing(account)).setting.stop_reason == "no_payment_method"
    assert place.reloads(account) == []
    assert place.invoices(account) == []
    assert len(place.mail(account, "reload_failed")) == 1


async def test_a_package_that_is_sold_no_more_stops_it(place: Place) -> None:
    account = await place.customer()
    async with place.db.tx() as tx:
        package = await catalog.create_package(
            tx, place.tenant, name="Big", credit_type="credits", credits=CREDIT, price=150, currency="USD", by="test"
        )  # fmt: skip
    await place.auto(account, amount=None, package=package.id)
    async with place.db.tx() as tx:
        await catalog.update_package(tx, place.tenant, package.id, by="test", active=False)
    await place.spend(account, 60)
    await place.work()
    assert (await place.standing(account)).setting.stop_reason == "package_inactive"


async def test_the_cap_counts_what_is_in_flight_and_ends_with_the_month(place: Place) -> None:
    """In the account's time zone: in Kampala February began three hours before it did in UTC."""
    account = await place.customer(credits=0, time_zone="Africa/Kampala")
    await place.auto(account, threshold=350, amount=100, cooldown=0, monthly_cap=250)
    await place.work()
    assert await place.balance(account) == 200
    standing = await place.standing(account)
    february = datetime(2027, 1, 31, 21, tzinfo=UTC)
    assert (standing.state, standing.spent) == ("capped", 200)
    assert standing.setting.capped_until == february
    [told] = place.events(account, "credits.reload_failed")
    assert (told["reason"], told["stopped"], told["resumes_at"]) == (
        "monthly_cap",
        False,
        "2027-01-31T21:00:00Z",
    )
    assert place.mail(account, "reload_failed") == []
    # other crossings of the same month are not told again
    await place.give(account, 200)
    await place.spend(account, 100)
    await place.work()
    assert len(place.events(account, "credits.reload_failed")) == 1
    await place.until(february)
    assert [wanted for _, _, wanted in place.reloads(account)] == [BEGIN, BEGIN, february]
    assert await place.balance(account) == 400
    assert (await place.standing(account)).state == "ready"


async def test_a_cap_that_is_raised_lets_it_go_on(place: Place) -> None:
    account = await place.customer(credits=0)
    await place.auto(account, threshold=150, amount=100, cooldown=0, monthly_cap=100)
    await place.work()
    assert (await place.standing(account)).state == "capped"
    await place.auto(account, threshold=150, amount=100, cooldown=0, monthly_cap=200)
    await place.work()
    assert await place.balance(account) == 200


async def test_an_outage_keeps_it_in_flight_and_charges_once(place: Place) -> None:
    account = await place.customer(credits=0)
    await place.auto(account, cooldown=0)
    place.bench.trouble("down", "down", "lost")
    for _ in range(4):
        await place.work()
        assert (await place.standing(account)).state in ("in_flight", "ready")
        place.shop.rows("update payment set retry_at = null where retry_at is not null returning 1")
    await place.work()
    assert place.reloads(account) == [("succeeded", 100, BEGIN)]
    assert (place.bench.taken, place.bought(account)) == (100, [100])


async def test_the_invoice_paid_by_hand_meanwhile_is_no_second_purchase(place: Place) -> None:
    account = await place.customer(credits=0)
    await place.auto(account)
    await place.begin()
    async with place.db.tx() as tx:
        [payment] = (await payments.payments(tx, place.tenant, account=account)).rows
        assert payment.invoice is not None
        await settling.pay_invoice(
            tx, place.tenant, account, payment.invoice, rates=place.till.rates, by="test"
        )
    await place.work()
    assert place.bought(account) == [100]
    assert place.reloads(account) == [("succeeded", 100, BEGIN)]
    assert place.bench.taken == 0


async def test_the_invoice_voided_meanwhile_stops_it(place: Place) -> None:
    account = await place.customer(credits=0)
    await place.auto(account)
    await place.begin()
    async with place.db.tx() as tx:
        [payment] = (await payments.payments(tx, place.tenant, account=account)).rows
        assert payment.invoice is not None
        await settling.void_invoice(
            tx, place.tenant, account, payment.invoice, rates=place.till.rates, by="test"
        )
    await place.work()
    assert place.bought(account) == []
    assert [status for status, _, _ in place.reloads(account)] == ["failed"]
    assert (await place.standing(account)).state == "stopped"
    assert place.bench.taken == 0
