"""Buying a package: with a saved way to pay it is charged now, else a page is opened where the customer pays.

Either way an invoice is issued first, and the credits arrive with its money, in the same commit. A charge that comes to
nothing takes its invoice with it, whoever finds that out: the request, a notice, or the worker.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from tallystick.db.pool import Tx
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.request_keys import Inner, once
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Invoice
from tallystick.kernel.errors import Conflict, NotFound

from . import charging, methods, purchases, settings, views
from .baskets import ForPackage
from .checkouts import open_checkout
from .model import Checkout, Method, Payment
from .till import Till

Status = Literal["paid", "pending", "failed"]

_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8, *(1.0,) * 30)
"""Seconds between looks at a charge that another request of the same key makes: until its lease is over."""


@dataclass(frozen=True, slots=True)
class Bought:
    """What came of it. ``payment`` is None where nothing was to pay, ``checkout`` where a saved way to pay was charged.

    ``pending``: the customer pays on the page at ``checkout.url``, confirms at ``payment.action_url``, or the gateway
    has not answered yet and it goes on by itself. ``failed``: declined, or a page of the key whose time is over; the
    invoice is void and nothing was given.
    """

    invoice: Invoice
    payment: Payment | None
    checkout: Checkout | None
    status: Status


async def buy_package(
    till: Till,
    tenant: int,
    account: int,
    package: UUID,
    *,
    gateway: str | None,
    method: UUID | None,
    success_url: str = "",
    cancel_url: str = "",
    by: str,
    key: Inner = None,
) -> Bought:
    """Buy a package at a gateway (the tenant's standard one), with ``method`` or the customer's saved way to pay there.

    Opens its own transactions; none waits for the network. The same ``key`` buys once, and gives the same. Raises
    NotFound, KeyReused, Conflict("package_inactive"), Conflict("account_closed"), Conflict("account_blocked"),
    Conflict("gateway_disabled"), Conflict("gateway_not_set_up"), Conflict("gateway_unsupported"),
    Conflict("gateway_refused"), and GatewayUnavailable where no page can be opened.
    """

    async def act() -> tuple[int, Any]:
        return 201, await _begun(tx, till, tenant, account, package, gateway=gateway, method=method, by=by)

    async with till.db.tx() as tx:
        begun = (await act() if key is None else await once(tx, tenant, *key, act))[1]
    if begun["invoice"] is None:
        page_key = None if key is None else (key[0] + "\npage", key[1])
        page = await open_checkout(
            till, tenant, account, ForPackage(package), gateway=begun["gateway"], success_url=success_url,
            cancel_url=cancel_url, by=by, key=page_key,
        )  # fmt: skip
        return await _of_page(till, tenant, page)
    payment = None
    if begun["payment"] is not None:
        payment = await charged(till, account, UUID(begun["payment"]))
    async with till.db.connection() as conn:
        bill = await invoices.invoice(conn, tenant, UUID(begun["invoice"]))
    return Bought(bill, payment, None, _status(bill))


async def _begun(
    tx: Tx, till: Till, tenant: int, account: int, package: UUID, *, gateway: str | None, method: UUID | None, by: str
) -> dict[str, str | None]:  # fmt: skip
    """The invoice and its charge, where there is a way to pay saved. Locks the account's head."""
    await methods.lock(tx, tenant, account)
    payer = None if method is None else await _named(tx, tenant, account, method, gateway)
    name = gateway or (await settings.standard_gateway(tx, till, tenant) if payer is None else payer.gateway)
    await settings.site(tx, till, tenant, name)  # it must be usable
    if payer is None and "charge" in till.gateways[name].features:
        saved = await views.methods(tx, tenant, account)
        payer = next((one for one in saved if one.gateway == name), None)
    if payer is None:
        return {"gateway": name, "invoice": None, "payment": None}
    offer = await purchases.offer_of_package(tx, tenant, package)
    at = await identity.now(tx, tenant)
    bill, _ = await purchases.issue(
        tx, tenant, account, offer, cause="request", at=at, by=by, rates=till.rates
    )
    begun: dict[str, str | None] = {"gateway": name, "invoice": str(bill.id), "payment": None}
    if bill.status == "open":
        made = await charging.request_charge(
            tx, tenant, account, invoice=bill.id, method=payer.id, cause="request", by=by
        )
        begun["payment"] = str(made.id)
    return begun


async def _named(tx: Tx, tenant: int, account: int, method: UUID, gateway: str | None) -> Method:
    row = await views.method(tx, tenant, method)
    if row.account != account:
        raise NotFound("payment method")
    if row.removed_at is not None or gateway not in (None, row.gateway):
        raise Conflict("no_payment_method", "The customer has no such way to pay saved.")
    return row


async def charged(till: Till, account: int, payment: UUID) -> Payment:
    """Charge it; where another request of the key is at it, wait for what that hears, or take its place."""
    row, alone = await charging.attempt(till, account, payment)
    for pause in _PAUSES:
        if alone or row.status != "pending":
            break
        await asyncio.sleep(pause)
        row, alone = await charging.attempt(till, account, payment)
    return row


async def _of_page(till: Till, tenant: int, page: Checkout) -> Bought:
    assert page.invoice is not None
    async with till.db.connection() as conn:
        bill = await invoices.invoice(conn, tenant, page.invoice)
        payment = None if page.payment is None else await views.payment(conn, tenant, page.payment)
    return Bought(bill, payment, page, _status(bill))


def _status(bill: Invoice) -> Status:
    """A charge that failed, and a page that is over, left the invoice void."""
    if bill.status == "void":
        return "failed"
    return "paid" if bill.status == "paid" else "pending"
