"""Upgrading at once: the saved way to pay is charged first, and the higher plan begins with its money, or not at all.

It is written as a checkout of the plan that has no page (`Checkout.at_once`), with its charge: so a crash, a notice or
the worker lead it on as they do a page. Whatever does not bring the money while the caller waits is given up: then the
charge is taken back at the gateway, and money that comes nevertheless goes back, or becomes credit, by the policy.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any, Final
from uuid import UUID

import msgspec

from tallystick.db.pool import Tx, run
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.request_keys import Inner, once
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.domain.subscriptions import views as held
from tallystick.domain.subscriptions.model import Outcome, Subscription
from tallystick.domain.subscriptions.subscribing import may_buy
from tallystick.kernel.errors import Busy, Conflict, GatewayUnavailable
from tallystick.kernel.ids import owned_uuid

from . import charging, closing, methods, settings, views
from .buying import charged
from .completing import Intent
from .model import Checkout, Payment
from .till import Till
from .views import q

_PATIENCE: Final = 60.0
"""Seconds for which an upgrade waits for others of the same customer."""
_PAUSE: Final = 0.05
_UNUSABLE: Final = ("gateway_disabled", "gateway_not_set_up")


@dataclass(frozen=True, slots=True)
class Upgraded:
    """``invoice`` is None where nothing was to pay, as in a trial. ``declined`` says why nothing was changed."""

    subscription: Subscription
    invoice: Invoice | None = None
    declined: str | None = None


class _ToPay(Exception):
    """Undoes a change that has a price: what it costs, and as of when."""

    def __init__(self, made: Outcome, bill: Invoice) -> None:
        super().__init__()
        self.version = made.subscription.version
        self.amount, self.currency, self.at = bill.remaining, bill.currency, bill.issued_at
        self.credit = bill.credit_applied


class _UnderWay(Exception):
    """Another upgrade of the customer's is being charged."""

    def __init__(self, row: Checkout) -> None:
        super().__init__()
        self.row = row


async def upgrade(
    till: Till, tenant: int, account: int, subscription: UUID, plan: UUID, *, by: str, key: Inner = None
) -> Upgraded:
    """Change to a higher plan now, charging the standard way to pay what it costs now.

    Opens its own transactions; none waits for the network. Of several at once each waits for the one before. The same
    ``key`` upgrades once, and gives the same; one that was given up because the gateway did not answer begins again.
    Raises what `subscriptions.change` raises, Conflict("account_blocked"), Conflict("not_an_upgrade") for a change
    that waits for the period's end, Conflict("no_payment_method") where something is to pay, Conflict("superseded")
    where the money came too late, or was too little by then, and goes back, KeyReused, Busy, and GatewayUnavailable:
    then nothing was changed.
    """
    until = asyncio.get_running_loop().time() + _PATIENCE
    for turn in count():
        while True:
            try:
                begun = await _begun(till, tenant, account, subscription, plan, turn, by=by, key=key)
                break
            except _UnderWay as other:
                await _led_on(till, other.row, until)
        if not isinstance(begun, Checkout):
            return await _done(till, tenant, account, subscription, begun)
        page = begun
        assert page.payment is not None
        if page.status == "open":
            return await _paid(till, page, await charged(till, account, page.payment))
        async with till.db.connection() as conn:
            payment = await views.payment(conn, tenant, page.payment)
        if payment.status in ("succeeded", "failed"):
            return await _paid(till, page, payment)
    raise AssertionError("an upgrade ends")


async def _begun(
    till: Till, tenant: int, account: int, subscription: UUID, plan: UUID, turn: int, *, by: str, key: Inner
) -> Checkout | UUID | None:
    """The rows of an upgrade that is to be charged; of one that costs nothing now and is done, its invoice if any."""

    async def act() -> tuple[int, Any]:
        return 201, await _written(tx, till, tenant, account, subscription, plan, by=by)

    async with till.db.tx() as tx:
        named = None if key is None else (f"{key[0]}\n{turn}", key[1])
        made = (await act() if named is None else await once(tx, tenant, *named, act))[1]
        if made["checkout"] is not None:
            return await views.checkout(tx, tenant, UUID(made["checkout"]))
        return None if made["invoice"] is None else UUID(made["invoice"])


async def _written(
    tx: Tx, till: Till, tenant: int, account: int, subscription: UUID, plan: UUID, *, by: str
) -> dict[str, str | None]:
    """Do what costs nothing, else write down what is to be charged. Locks the account's head."""
    may_buy(await methods.lock(tx, tenant, account))
    for one in (
        await views.checkouts(tx, tenant, account=account, kind="plan", status="open", limit=100)
    ).rows:
        if one.at_once:
            raise _UnderWay(one)
    try:
        async with tx.transaction():
            made = await subscriptions.change(
                tx, tenant, account, subscription, plan=plan, rates=till.rates, by=by
            )
            if made.change == "scheduled":
                raise Conflict(
                    "not_an_upgrade", "That is no higher plan: it would wait for the period's end."
                )
            if made.invoice is not None and made.invoice.remaining:
                raise _ToPay(made, made.invoice)
    except _ToPay as price:
        intent = Intent(
            plan=plan, version=price.version, subscription=subscription, at=price.at, credit=price.credit
        )
        page = await _charge(tx, till, tenant, account, intent, price, by)
        return {"checkout": str(page), "invoice": None}
    return {"checkout": None, "invoice": None if made.invoice is None else str(made.invoice.id)}


async def _charge(
    tx: Tx, till: Till, tenant: int, account: int, intent: Intent, price: _ToPay, by: str
) -> UUID:  # fmt: skip
    payer = await views.standard_of(tx, account)
    if payer is None:
        raise Conflict("no_payment_method", "The customer has no way to pay saved.")
    try:
        await settings.site(tx, till, tenant, payer.gateway)
    except Conflict as fact:
        if fact.code not in _UNUSABLE:
            raise
        raise Conflict("no_payment_method", "The customer's way to pay cannot be charged now.") from None
    now = await identity.now(tx, tenant)
    id, payment = owned_uuid(account), owned_uuid(account)
    both = {
        "account": account, "tenant": tenant, "gateway": payer.gateway, "invoice": None, "amount": price.amount,
        "currency": price.currency, "by": by, "now": now,
    }  # fmt: skip
    row = both | {"id": payment, "cause": "request", "checkout": id, "method": payer.id, "ref": None}
    await run(tx, q.insert_payment, row | {"wanted_at": now, "due_at": now, "first": charging.FIRST})
    page = both | {"id": id, "kind": "plan", "status": "open", "payment": payment, "own_invoice": False}
    page |= {"intent": msgspec.json.encode(intent).decode(), "metadata": "{}", "save_method": False}
    page |= {"success_url": "", "cancel_url": "", "ended_at": None, "due_at": None}
    await run(tx, q.insert_checkout, page | {"expires_at": now + timedelta(hours=1)})
    return id


async def _led_on(till: Till, other: Checkout, until: float) -> None:
    """Wait for another upgrade, or lead it on where nobody is at it. Raises Busy when that takes too long."""
    assert other.payment is not None
    row, alone = await charging.attempt(till, other.account, other.payment)
    if alone and row.status not in ("succeeded", "failed", "cancelled"):
        await _given_up(till, other)
    if asyncio.get_running_loop().time() > until:
        raise Busy("Another upgrade of this customer is being charged; try again.", 5)
    await asyncio.sleep(_PAUSE)


async def _paid(till: Till, page: Checkout, payment: Payment) -> Upgraded:
    """What a charge came to. One that is neither paid nor declined by now is given up."""
    tenant, account = page.tenant, page.account
    if payment.status not in ("succeeded", "failed"):
        payment = await _given_up(till, page) or payment
    async with till.db.connection() as conn:
        page = await views.checkout(conn, tenant, page.id)
        payment = await views.payment(conn, tenant, payment.id)
    assert page.intent is not None
    subscription = UUID(page.intent["subscription"])
    match payment.status:
        case "succeeded" if page.invoice is not None:
            return await _done(till, tenant, account, subscription, page.invoice)
        case "succeeded":
            raise Conflict(
                "superseded",
                "The subscription or its price was changed meanwhile; what was paid is given back.",
            )
        case "failed":
            said = payment.failure_message or "The payment was declined."
        case "requires_action" | "cancelled" if payment.ref is not None:
            said = "The payment needs a further step of the card's owner; nothing was charged."
        case "processing":
            said = "The payment was not confirmed at once; what comes of it is given back."
        case _:
            raise GatewayUnavailable("The payment gateway does not answer; nothing was changed.", 5)
    return replace(await _done(till, tenant, account, subscription, None), declined=said)


async def _given_up(till: Till, page: Checkout) -> Payment | None:
    """Want the upgrade no more, and take its charge back at the gateway as far as it answers."""
    assert page.payment is not None
    async with till.db.tx() as tx:
        await methods.lock(tx, page.tenant, page.account)
        row = await views.checkout(tx, page.tenant, page.id)
        if row.status == "open":
            await closing.expire(tx, row, await identity.now(tx, page.tenant))
    return await charging.perform(till, page.account, page.payment)


async def _done(
    till: Till, tenant: int, account: int, subscription: UUID, invoice: UUID | None
) -> Upgraded:  # fmt: skip
    async with till.db.connection() as conn:
        row = await held.subscription(conn, tenant, subscription)
        bill = None if invoice is None else await invoices.invoice(conn, tenant, invoice)
    return Upgraded(row, bill)
