"""Checkouts: pages where a customer pays an invoice, buys credits, takes a plan, or saves a way to pay.

What is bought is an invoice that is issued when the page is opened; a plan begins when its money came. The rows are
written first, then the page is opened at the gateway: a crash or an outage leaves a checkout that the same key opens.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from tallystick.db.pool import Tx, run
from tallystick.domain.events.actions import emit
from tallystick.domain.identity import actions as identity_actions
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.model import metadata_text
from tallystick.domain.identity.request_keys import once
from tallystick.domain.ledger.port import Rates
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import Conflict, GatewayUnavailable, NotFound
from tallystick.kernel.ids import owned_uuid, typeid
from tallystick.kernel.money import Money

from . import completing, methods, pages, settings, views
from .baskets import Basket, ForAmount, ForInvoice, ForMethod, ForPackage, ForPlan, Wanted, basket_of
from .events import checkout_event
from .model import Checkout
from .port import GatewayDown, GatewayRefused
from .sessions import filled
from .till import Till
from .views import q

__all__ = [
    "ForAmount",
    "ForInvoice",
    "ForMethod",
    "ForPackage",
    "ForPlan",
    "Wanted",
    "expire_checkout",
    "open_checkout",
]

OPEN_FOR: Final = timedelta(hours=24)
"""How long a page may be paid on."""
OPEN_FOR_STAFF: Final = timedelta(days=14)
"""How long a bank transfer is waited for."""


Key = tuple[str, bytes]
"""A client's idempotency key, and the hash of what it asked."""


async def open_checkout(
    till: Till,
    tenant: int,
    account: int,
    wanted: Wanted,
    *,
    gateway: str | None = None,
    save_method: bool | None = None,
    success_url: str = "",
    cancel_url: str = "",
    session: str = "",
    metadata: Mapping[str, Any] | None = None,
    by: str,
    key: Key | None = None,
) -> Checkout:
    """Open a page at the gateway (the tenant's standard one) for what is wanted; where nothing is to pay, do it now.

    ``save_method``: keep the way to pay for later; by default that of a plan which is paid again each period.
    Opens its own transactions. The same ``key`` gives the same checkout, and opens its page where that failed.
    ``session``: what the id begins with that stands for `SESSION` in ``success_url`` where the gateway has no sessions
    of its own; without it our pages fill in the checkout's id. Raises NotFound, Invalid, KeyReused,
    Conflict("gateway_disabled"), Conflict("gateway_not_set_up"), Conflict("gateway_refused"), what buying or
    subscribing raises, and GatewayUnavailable: then nothing can be paid, and without a key what was made for it is
    taken back.
    """
    metadata_text(dict(metadata or {}))

    async def act() -> tuple[int, Any]:
        return 200, str(
            await _written(
                tx, till, tenant, account, wanted, gateway=gateway, save_method=save_method,
                success_url=success_url, cancel_url=cancel_url, session=session, metadata=metadata or {}, by=by,
            )
        )  # fmt: skip

    async with till.db.tx() as tx:
        id = (await act() if key is None else await once(tx, tenant, *key, act))[1]
        row = await views.checkout(tx, tenant, UUID(id))
    if row.status != "open" or row.url is not None:
        if row.status == "expired" and row.url is None:
            raise Conflict("gateway_refused", "The payment gateway did not open the page.")
        return row
    try:
        return await pages.open_page(till, row)
    except GatewayDown:
        if key is None:
            await expire_checkout(till, tenant, account, row.id, by=SYSTEM)
        raise GatewayUnavailable("The payment gateway does not answer; nothing was charged.", 5) from None
    except GatewayRefused as error:
        await expire_checkout(till, tenant, account, row.id, by=SYSTEM)
        raise Conflict("gateway_refused", f"The payment gateway refuses: {error}") from None


async def expire_checkout(till: Till, tenant: int, account: int, checkout: UUID, *, by: str) -> Checkout:
    """Take a page away, at the gateway first: what was paid on it by then counts. One that is over stays as it is.

    Opens its own transactions. Audited. An invoice of its own is void. Where the gateway does not answer it expires
    here, and the worker closes the page. Raises NotFound.
    """
    async with till.db.connection() as conn:
        row = await views.checkout(conn, tenant, checkout)
    if row.account != account:
        raise NotFound("checkout")
    if row.status != "open":
        return row
    closed = row.ref is None or await pages.close_page(till, row)
    async with till.db.tx() as tx:
        await methods.lock(tx, tenant, account)
        row = await views.checkout(tx, tenant, checkout)
        if row.status == "open" and not await pages.under_way(tx, row):
            now = await identity.now(tx, tenant)
            await completing.lapse(tx, row, now, rates=till.rates, at_gateway=closed, by=by)
        row = await views.checkout(tx, tenant, checkout)
        if row.status == "expired" and by != SYSTEM:
            await identity_actions.audit(
                tx, tenant, actor=by, action="checkout.expire", target=typeid("co", checkout)
            )
        return row


async def _written(
    tx: Tx, till: Till, tenant: int, account: int, wanted: Wanted, *, gateway: str | None, save_method: bool | None,
    success_url: str, cancel_url: str, session: str, metadata: Mapping[str, Any], by: str,
) -> UUID:  # fmt: skip
    """The rows of a checkout, with what it sells; give its id."""
    await methods.lock(tx, tenant, account)
    name = gateway or await settings.standard_gateway(tx, till, tenant)
    await settings.site(tx, till, tenant, name)  # it must be usable
    features = till.gateways[name].features
    if "checkout" not in features:
        raise Conflict("gateway_unsupported", f"The gateway {name} has no page to pay on.")
    by_hand = "staff" in features
    if by_hand and isinstance(wanted, ForMethod):
        raise Conflict(
            "gateway_unsupported", f"The gateway {name} cannot keep a way to pay: name another gateway."
        )
    basket = await basket_of(tx, till.rates, tenant, account, wanted, by_hand=by_hand, by=by)
    now = await identity.now(tx, tenant)
    id, payment = owned_uuid(account), None
    if session and "sessions" not in features:
        success_url = filled(success_url, typeid(session, id))
    keep = basket.recurring if save_method is None else save_method
    expires = now + (OPEN_FOR_STAFF if by_hand else OPEN_FOR)
    if basket.kind == "plan":
        await _supersede(tx, till.rates, tenant, account, now)
    if basket.amount:
        payment = owned_uuid(account)
        row: dict[str, Any] = {"account": account, "id": payment, "tenant": tenant, "gateway": name}
        row |= {"cause": "checkout", "invoice": basket.invoice, "checkout": id, "method": None, "ref": None}
        row |= {"amount": basket.amount, "currency": basket.currency, "by": by, "wanted_at": now, "now": now}
        await run(tx, q.insert_payment, row | {"due_at": None, "first": None})
    values = {
        "account": account,
        "id": id,
        "tenant": tenant,
        "gateway": name,
        "kind": basket.kind,
        "status": "completed" if basket.done else "open",
        "invoice": basket.invoice,
        "intent": None if basket.intent is None else _text(basket.intent),
        "own_invoice": basket.own_invoice,
        "payment": payment,
        "amount": basket.amount,
        "currency": basket.currency,
        "save_method": not by_hand and (keep or not basket.amount),
        "success_url": success_url,
        "cancel_url": cancel_url,
        "metadata": _text(dict(metadata)),
        "by": by,
        "now": now,
        "expires_at": expires,
        "ended_at": now if basket.done else None,
        "due_at": None if basket.done else min(now + pages.LOOK, expires),
    }
    await run(tx, q.insert_checkout, values)
    await _audit(tx, tenant, basket, id, by)
    if basket.done:
        made = await views.checkout(tx, tenant, id)
        await pages.finished(tx, till, made)
        await emit(tx, tenant, checkout_event("checkout.completed", made, now))
    return id


async def _audit(tx: Tx, tenant: int, basket: Basket, id: UUID, by: str) -> None:
    details = {
        "kind": basket.kind,
        "amount": str(Money(basket.amount, basket.currency)),
        "currency": basket.currency,
    }
    await identity_actions.audit(
        tx, tenant, actor=by, action="checkout.open", target=typeid("co", id), details=details
    )


async def _supersede(tx: Tx, rates: Rates, tenant: int, account: int, now: datetime) -> None:
    """A customer takes one plan at a time: the pages opened for others are taken away."""
    found = await views.checkouts(tx, tenant, account=account, kind="plan", status="open", limit=100)
    for row in found.rows:
        await completing.lapse(tx, row, now, rates=rates)


def _text(thing: Any) -> str:
    return msgspec.json.encode(thing).decode()
