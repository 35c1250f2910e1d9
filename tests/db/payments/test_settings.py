"""Gateways' settings: secrets are sealed and never shown again, and one gateway is the standard one."""

import dataclasses

import pytest

from tallystick.db.pool import Database
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity.first_run import ensure_first_app
from tallystick.domain.identity.vault import Vault
from tallystick.domain.payments import settings
from tallystick.domain.payments.model import GatewaySetting
from tallystick.domain.payments.policy import Policy
from tallystick.domain.payments.port import Site
from tallystick.kernel.errors import Conflict, Invalid
from tests.db.subscriptions.shop import Shop
from tests.doubles.gateway import BenchGateway

from .front import Front

pytestmark = pytest.mark.anyio

NAMES = frozenset({"secret_key", "webhook_secret"})
SECRET = "sk_test_51QwErTyUiOpAsDfGh7788"


@pytest.fixture
def keyed(front: Front) -> Front:
    """A front with another gateway, which needs secrets."""
    return Front(front.shop, others=[BenchGateway(name="stripe", secret_names=NAMES)])


async def put(front: Front, name: str = "stripe", **said: object) -> GatewaySetting:
    values = {"enabled": True, "standard": False, "options": {}, "secrets": None} | said
    async with front.shop.tx() as tx:
        return await settings.put_gateway(tx, front.till, front.tenant, name, by="test", **values)  # type: ignore[arg-type]


async def site(front: Front, name: str = "stripe", **more: bool) -> Site:
    async with front.shop.db.connection() as conn:
        return await settings.site(conn, front.till, front.tenant, name, **more)


async def test_secrets_are_sealed_and_hinted_at(keyed: Front) -> None:
    made = await put(keyed, secrets={"secret_key": SECRET})
    assert made.hints == {"secret_key": "7788"}
    assert SECRET not in repr(made)
    opened = await site(keyed)
    assert opened.secrets == {"secret_key": SECRET}
    assert SECRET not in repr(opened)
    for table in ("gateway_setting", "audit_log", "event"):
        rows = keyed.shop.rows(f"select t::text as said from {table} t")
        assert all(SECRET not in row["said"] and SECRET.encode().hex() not in row["said"] for row in rows)
    with pytest.raises(Conflict) as stolen:
        await site(Front(keyed.shop, others=keyed.others), "nothing")
    assert stolen.value.code == "gateway_not_set_up"
    other_key = dataclasses.replace(keyed.till, vault=Vault(bytes(range(32))))
    async with keyed.shop.db.connection() as conn:
        with pytest.raises(Conflict) as sealed:
            await settings.site(conn, other_key, keyed.tenant, "stripe")
    assert sealed.value.code == "sealed_elsewhere"


async def test_secrets_stay_are_replaced_and_taken_away(keyed: Front) -> None:
    await put(keyed, secrets={"secret_key": SECRET, "webhook_secret": "whsec_1234567890"})
    await put(keyed, secrets=None, options={"x": 1})
    assert (await site(keyed)).secrets == {"secret_key": SECRET, "webhook_secret": "whsec_1234567890"}
    await put(keyed, secrets={"secret_key": SECRET + "9", "webhook_secret": ""})
    assert (await site(keyed)).secrets == {"secret_key": SECRET + "9"}
    with pytest.raises(Invalid) as unknown:
        await put(keyed, secrets={"password": "x"})
    assert unknown.value.field == "secrets.password"
    with pytest.raises(Invalid):
        await put(keyed, secrets={"secret_key": ""})


async def test_one_is_standard(keyed: Front) -> None:
    async with keyed.shop.db.connection() as conn:
        assert await settings.standard_gateway(conn, keyed.till, keyed.tenant) == "sandbox"
    await put(keyed, "sandbox", standard=True)
    await put(keyed, standard=True, secrets={"secret_key": SECRET})
    async with keyed.shop.db.connection() as conn:
        assert await settings.standard_gateway(conn, keyed.till, keyed.tenant) == "stripe"
        shown = await settings.gateways(conn, keyed.till, keyed.tenant)
    assert [(row.gateway, row.enabled, row.standard) for row in shown] == [
        ("sandbox", True, False),
        ("stripe", True, True),
    ]
    with pytest.raises(Invalid) as off:
        await put(keyed, enabled=False, standard=True)
    assert off.value.field == "standard"


async def test_one_that_is_off_takes_nothing_new(keyed: Front) -> None:
    await put(keyed, secrets={"secret_key": SECRET})
    await put(keyed, enabled=False)
    with pytest.raises(Conflict) as off:
        await site(keyed)
    assert off.value.code == "gateway_disabled"
    assert (await site(keyed, even_disabled=True)).secrets == {"secret_key": SECRET}


async def test_the_servers_own_secrets_are_the_first_apps_live_ones(db: Database) -> None:
    defaults = {"stripe": {"secret_key": SECRET, "webhook_secret": "", "api_base": "http://127.0.0.1:1"}}
    async with db.tx() as tx:
        first = await ensure_first_app(tx)
        stranger = await identity.create_app(tx, "Another")
    assert first is not None
    keyed = Front(Shop(db, first.app.live), others=[BenchGateway(name="stripe", secret_names=NAMES)])
    till = dataclasses.replace(keyed.till, defaults=defaults)
    async with db.connection() as conn:
        live = await settings.site(conn, till, first.app.live, "stripe")
        assert live.secrets == {"secret_key": SECRET}
        assert live.options == {"api_base": "http://127.0.0.1:1"}
        shown = await settings.gateway(conn, till, first.app.live, "stripe")
        assert (shown.enabled, shown.standard) == (True, True)
        assert shown.hints == {"secret_key": "environment"}
        for tenant in (first.app.test, stranger.live, stranger.test):
            with pytest.raises(Conflict) as none:
                await settings.site(conn, till, tenant, "stripe")
            assert none.value.code == "gateway_not_set_up"
    own = "sk_live_of_their_own_0042"
    async with db.tx() as tx:
        await settings.put_gateway(
            tx, till, first.app.live, "stripe", enabled=True, standard=False, options={},
            secrets={"secret_key": own}, by="test",
        )  # fmt: skip
        await settings.put_gateway(
            tx, till, stranger.test, "stripe", enabled=True, standard=False, options={},
            secrets={"secret_key": own}, by="test",
        )  # fmt: skip
    async with db.connection() as conn:
        assert (await settings.site(conn, till, first.app.live, "stripe")).secrets == {"secret_key": own}
        # where Stripe is, the server's settings say for everybody
        theirs = await settings.site(conn, till, stranger.test, "stripe")
        assert (theirs.secrets, theirs.options) == (
            {"secret_key": own},
            {"api_base": "http://127.0.0.1:1"},
        )


async def test_a_live_shop_that_takes_cards_takes_transfers_only_where_it_says_so(db: Database) -> None:
    """Else a member orders a higher plan on account, which begins before it is paid."""
    async with db.tx() as tx:
        live = (await identity.create_app(tx, "A shop")).live
    by_hand = BenchGateway(name="manual", features=frozenset({"checkout", "staff"}))
    shop = Front(Shop(db, live), others=[BenchGateway(name="stripe", secret_names=NAMES), by_hand])
    await put(shop, standard=True, secrets={"secret_key": SECRET})
    with pytest.raises(Conflict) as off:
        await site(shop, "manual")
    assert off.value.code == "gateway_disabled"
    async with db.connection() as conn:
        assert not (await settings.gateway(conn, shop.till, live, "manual")).enabled
    await site(shop, "manual", even_disabled=True)
    await put(shop, "manual")
    await site(shop, "manual")


async def test_live_customers_pay_on_the_sandbox_only_where_it_was_switched_on(db: Database) -> None:
    async with db.tx() as tx:
        live = (await identity.create_app(tx, "A shop")).live
    by_hand = BenchGateway(name="manual", features=frozenset({"checkout", "staff"}))
    shop = Front(Shop(db, live), others=[BenchGateway(name="stripe", secret_names=NAMES), by_hand])

    async def standard() -> str:
        async with db.connection() as conn:
            return await settings.standard_gateway(conn, shop.till, live)

    with pytest.raises(Conflict) as nothing:
        await standard()
    assert nothing.value.code == "gateway_not_set_up"
    for name in ("sandbox", "manual"):
        with pytest.raises(Conflict) as off:
            await site(shop, name)
        assert off.value.code == "gateway_disabled"
        assert name in off.value.message
    await put(shop, "sandbox", standard=None)
    assert await standard() == "sandbox"
    await site(shop, "sandbox")
    await put(shop, "manual", standard=None)
    assert await standard() == "manual"
    await put(shop, standard=None, secrets={"secret_key": SECRET})
    assert await standard() == "stripe"
    with pytest.raises(Conflict) as over:
        await site(shop, "sandbox")
    assert over.value.code == "gateway_disabled"
    await put(shop, "manual", standard=True)
    await put(shop, "manual", standard=None, options={"x": 1})
    assert await standard() == "manual"
    await put(shop, "manual", standard=None, enabled=False)
    assert await standard() == "stripe"
    await put(shop, enabled=False, standard=None)
    with pytest.raises(Conflict):
        await standard()


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"retry_days": (0, 0)}, "retry_days"),
        ({"retry_days": (-1,)}, "retry_days"),
        ({"retry_days": (3, 1)}, "retry_days"),
        ({"reminder_days": (366,)}, "reminder_days"),
    ],
)
async def test_a_policy_that_makes_no_sense(front: Front, said: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        await front.policy(**said)
    assert refused.value.field == field
    async with front.shop.db.connection() as conn:
        assert await settings.policy(conn, front.tenant) == Policy()
