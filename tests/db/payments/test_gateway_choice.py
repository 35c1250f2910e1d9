"""Which gateway answers where a contract speaks of Stripe, and whose secrets an incoming event may be signed with."""

import dataclasses

import pytest

from tallystick.db.pool import Database
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity.first_run import ensure_first_app
from tallystick.domain.identity.vault import Vault
from tallystick.domain.payments import settings
from tallystick.kernel.actor import Mode
from tallystick.kernel.errors import Conflict
from tests.db.subscriptions.shop import Shop
from tests.doubles.gateway import BenchGateway

from .front import Front

pytestmark = pytest.mark.anyio

NAMES = frozenset({"secret_key", "webhook_secret"})


def front(db: Database, tenant: int) -> Front:
    by_hand = BenchGateway(name="manual", features=frozenset({"checkout", "staff"}))
    return Front(Shop(db, tenant), others=[BenchGateway(name="stripe", secret_names=NAMES), by_hand])


async def put(shop: Front, gateway: str, *, enabled: bool = True, standard: bool | None = None) -> None:
    secrets = (
        {name: f"{name} of {shop.tenant}".replace(" ", "-") for name in NAMES}
        if gateway == "stripe"
        else None
    )
    async with shop.shop.db.tx() as tx:
        await settings.put_gateway(
            tx, shop.till, shop.tenant, gateway, enabled=enabled, standard=standard, options={}, secrets=secrets,
            by="test",
        )  # fmt: skip


async def test_stripe_then_the_sandbox_then_what_there_is(db: Database) -> None:
    async with db.tx() as tx:
        app = await identity.create_app(tx, "A shop")
    live, test = front(db, app.live), front(db, app.test)

    async def chosen(shop: Front) -> str:
        async with db.connection() as conn:
            return await settings.stripe_or_other(conn, shop.till, shop.tenant)

    with pytest.raises(Conflict) as nothing:
        await chosen(live)
    assert nothing.value.code == "gateway_not_set_up"
    assert await chosen(test) == "sandbox"
    await put(live, "sandbox")
    assert await chosen(live) == "sandbox"
    for shop in (live, test):
        await put(shop, "manual", standard=True)
    assert await chosen(live) == "manual"  # live customers do not buy with test cards beside it
    assert await chosen(test) == "sandbox"
    for shop in (live, test):
        await put(shop, "stripe")
        assert await chosen(shop) == "stripe"
        await put(shop, "stripe", enabled=False)
        assert await chosen(shop) != "stripe"


async def test_every_site_has_its_own_secrets(db: Database) -> None:
    async with db.tx() as tx:
        first = await ensure_first_app(tx)
        other = await identity.create_app(tx, "Another")
    assert first is not None
    shops = [front(db, tenant) for tenant in (first.app.live, first.app.test, other.live, other.test)]
    till = dataclasses.replace(shops[0].till, defaults={"stripe": {"webhook_secret": "of the server"}})

    async def found() -> list[tuple[int, Mode, str]]:
        async with db.connection() as conn:
            sites = await settings.every_site(conn, till, "stripe")
        return [(one.tenant, one.mode, one.secrets["webhook_secret"]) for one in sites]

    own = (first.app.live, Mode.LIVE, "of the server")
    assert await found() == [own]
    await put(shops[2], "stripe", enabled=False)
    theirs = (other.live, Mode.LIVE, f"webhook_secret-of-{other.live}")
    assert await found() == [own, theirs]
    await put(shops[1], "stripe")
    test = (first.app.test, Mode.TEST, f"webhook_secret-of-{first.app.test}")
    assert await found() == [own, *sorted([theirs, test])]
    await put(shops[0], "stripe")
    kept = (first.app.live, Mode.LIVE, f"webhook_secret-of-{first.app.live}")
    assert await found() == sorted([kept, theirs, test])
    till = dataclasses.replace(till, vault=Vault(b"another server's key, of 32 bytes"[:32]), defaults={})
    assert await found() == []
