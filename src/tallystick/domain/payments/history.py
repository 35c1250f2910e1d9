"""What a customer paid before, as their provider tells it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tallystick.db import arrays
from tallystick.db.pool import Tx, all_rows
from tallystick.kernel.errors import Conflict, GatewayUnavailable

from . import customers, settings, views
from .port import GatewayDown, GatewayRefused, Past
from .till import Till
from .views import q

_MOST = 100
"""Payments of which those of one invoice are found."""


@dataclass(slots=True, kw_only=True)
class Billed:
    """An invoice that a payment is for. ``plan`` is the line of the plan that it charges, ``first`` its first line.
    ``at`` is the payment's end, in the tenant's time, while it has none its beginning."""

    payment: UUID
    at: datetime
    invoice: UUID
    number: str | None
    status: str
    plan: str | None
    first: str | None


@dataclass(frozen=True, slots=True)
class Paying:
    """What was paid, or tried, of one invoice: that which paid it, else the newest try. ``billed`` is None where the
    provider's payment is for no invoice of ours."""

    past: Past
    billed: Billed | None


async def past_payments(
    till: Till, tenant: int, account: int, *, limit: int, gateway: str | None = None
) -> tuple[str, list[Past], bool]:
    """The gateway asked (by default the tenant's standard one), its newest payments, and whether there are more.

    Opens its own transactions. Raises NotFound, Conflict("gateway_disabled"), Conflict("gateway_not_set_up"),
    Conflict("gateway_refused"), GatewayUnavailable.
    """
    async with till.db.connection() as conn:
        name = gateway or await settings.standard_gateway(conn, till, tenant)
        await settings.site(conn, till, tenant, name)
    taker = till.gateways[name]
    if "history" not in taker.features:
        raise Conflict("gateway_unsupported", f"The gateway {name} keeps no history.")
    try:
        site, who = await customers.known_customer(till, tenant, account, name)
        if who.ref is None:  # looking makes no customer there
            return name, [], False
        rows, more = await taker.history(site, who, limit)
    except GatewayDown:
        raise GatewayUnavailable("The payment gateway does not answer.", 5) from None
    except GatewayRefused as error:
        raise Conflict("gateway_refused", f"The payment gateway refuses: {error}") from None
    return name, rows, more


async def paid_invoices(
    till: Till, tenant: int, account: int, *, limit: int, gateway: str
) -> tuple[list[Paying], bool]:
    """The newest payments that a gateway knows of, one an invoice, and whether there are more.

    Of a gateway that keeps no history they are our own rows. Opens its own transactions. Raises as `past_payments`.
    """
    if "history" in till.gateways[gateway].features:
        _, rows, more = await past_payments(till, tenant, account, limit=_MOST, gateway=gateway)
    else:
        rows, more = await _own(till, tenant, account, gateway)
    async with till.db.connection() as conn:
        bills = await _bills(conn, tenant, account, [row.payment for row in rows if row.payment is not None])
    found: dict[UUID | str, Paying] = {}
    for row in rows:
        billed = None if row.payment is None else bills.get(row.payment)
        name = row.payment or row.ref if billed is None else billed.invoice
        known = found.get(name)
        if known is None or (row.paid and not known.past.paid):
            found[name] = Paying(row, billed)
    return list(found.values())[:limit], more or len(found) > limit


async def _own(till: Till, tenant: int, account: int, gateway: str) -> tuple[list[Past], bool]:
    async with till.db.connection() as conn:
        page = await views.payments(conn, tenant, account=account, limit=_MOST)
    rows = [
        Past(
            row.ref or str(row.id), row.amount, row.currency, row.status, row.status == "succeeded",
            row.ended_at or row.created_at, "", row.id,
        )
        for row in page.rows
        if row.gateway == gateway
    ]  # fmt: skip
    return rows, page.next_key is not None


async def _bills(conn: Tx, tenant: int, account: int, payments: Sequence[UUID]) -> dict[UUID, Billed]:
    if not payments:
        return {}
    values = {"tenant": tenant, "account": account, "ids": arrays.uuids([one.bytes for one in payments])}
    return {row.payment: row for row in await all_rows(conn, Billed, q.bills_of_payments, values)}
