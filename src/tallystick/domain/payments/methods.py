"""Saved ways to pay: what a person knows a card by, and the provider's id of it. Never a card number."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from tallystick.db.pool import Tx, one_row, run, value
from tallystick.domain.events.actions import emit
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.domain.invoicing import collecting
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger.model import Head
from tallystick.kernel.errors import Conflict, GatewayUnavailable, NotFound
from tallystick.kernel.ids import owned_uuid, typeid

from . import settings, views
from .events import method_event
from .model import Method
from .port import GatewayDown, GatewayRefused, MethodSeen
from .till import Till
from .views import q, standard_of

__all__ = ["by_ref", "customer_account", "lock", "make_standard", "remove", "save", "standard_of"]


async def save(
    tx: Tx, tenant: int, account: int, gateway: str, seen: MethodSeen, *, at: datetime
) -> Method | None:
    """Keep what a provider saved (or tell that it is gone); the account's first is its standard one,
    and one that is saved after the standard one was declined takes its place.

    What is gone stays gone, in whatever order it is told. None: it is another account's. The caller holds the
    account's head. Open invoices are charged at once by a new one.
    """
    row = await by_ref(tx, tenant, gateway, seen.ref)
    if row is not None and row.account != account:
        return None
    if row is None:
        return await _insert(tx, tenant, account, gateway, seen, at)
    if row.removed_at is not None:
        return row
    if seen.removed:
        await _removed(tx, row, at)
    else:
        await run(tx, q.update_method, _fields(seen) | {"account": account, "id": row.id})
    return await views.method(tx, tenant, row.id)


async def remove(till: Till, tenant: int, account: int, method: UUID, *, by: str) -> Method:
    """Take a way to pay away, at the gateway first; where it was the standard one the newest left takes its place.

    Opens its own transactions; again it does nothing. Audited. Raises NotFound, Conflict, GatewayUnavailable.
    """
    async with till.db.connection() as conn:
        row = await _own(conn, tenant, account, method)
        if row.removed_at is not None:
            return row
        site = await settings.site(conn, till, tenant, row.gateway, even_disabled=True)
    try:
        await till.gateways[row.gateway].forget_method(site, row.ref)
    except GatewayDown:
        raise GatewayUnavailable("The payment gateway does not answer; nothing was changed.") from None
    except GatewayRefused as error:
        raise Conflict("gateway_refused", f"The payment gateway refuses: {error}") from None
    async with till.db.tx() as tx:
        await lock(tx, tenant, account)
        row = await _own(tx, tenant, account, method)
        if row.removed_at is None:
            await _removed(tx, row, await identities.now(tx, tenant))
            await _audit(tx, row, by, "payment_method.remove")
        return await views.method(tx, tenant, method)


async def make_standard(tx: Tx, tenant: int, account: int, method: UUID, *, by: str) -> Method:
    """Have this one charged where none is named. Locks the account's head. Audited. Raises NotFound."""
    await lock(tx, tenant, account)
    row = await _own(tx, tenant, account, method)
    if row.removed_at is not None:
        raise NotFound("payment method")
    if not row.standard:
        await run(tx, q.unset_standard_method, {"account": account})
        await run(tx, q.set_standard_method, {"account": account, "id": method})
        await _audit(tx, row, by, "payment_method.make_standard")
        await collecting.again_for_account(tx, account)
    return await views.method(tx, tenant, method)


async def lock(tx: Tx, tenant: int, account: int) -> Head:
    """Lock the account's head, and give it. Raises NotFound for another tenant's."""
    head = (await ledger.lock(tx, [account])).get(account)
    if head is None or head.tenant != tenant:
        raise NotFound("account")
    return head


async def _insert(
    tx: Tx, tenant: int, account: int, gateway: str, seen: MethodSeen, at: datetime
) -> Method:  # fmt: skip
    """One that was removed before we heard of it is kept as such, lest it come back."""
    first = not seen.removed and await standard_of(tx, account) is None
    id = owned_uuid(account)
    values = _fields(seen) | {
        "account": account,
        "id": id,
        "tenant": tenant,
        "gateway": gateway,
        "ref": seen.ref,
    }
    values |= {"standard": first, "now": at, "removed_at": at if seen.removed else None}
    await run(tx, q.insert_method, values)
    if not seen.removed and not first and await value(tx, q.standard_declined, {"account": account}):
        await run(tx, q.unset_standard_method, {"account": account})
        await run(tx, q.set_standard_method, {"account": account, "id": id})
    made = await views.method(tx, tenant, id)
    if not seen.removed:
        await emit(tx, tenant, method_event("payment_method.saved", made, await _uuid(tx, made), at))
        await collecting.again_for_account(tx, account)
    return made


async def _removed(tx: Tx, row: Method, at: datetime) -> None:
    await run(tx, q.remove_method, {"account": row.account, "id": row.id, "now": at})
    await run(tx, q.set_newest_standard, {"account": row.account})
    if await standard_of(tx, row.account) is None:
        await collecting.stop(tx, row.account)
    row.removed_at, row.standard = at, False
    await emit(tx, row.tenant, method_event("payment_method.removed", row, await _uuid(tx, row), at))


async def _own(conn: Tx, tenant: int, account: int, method: UUID) -> Method:
    row = await views.method(conn, tenant, method)
    if row.account != account:
        raise NotFound("payment method")
    return row


async def _uuid(tx: Tx, row: Method) -> UUID:
    found: UUID = (await identities.account_uuids(tx, row.tenant, [row.account]))[row.account]
    return found


async def _audit(tx: Tx, row: Method, by: str, action: str) -> None:
    details = {"gateway": row.gateway, "brand": row.brand, "last4": row.last4}
    await identity.audit(
        tx, row.tenant, actor=by, action=action, target=typeid("pm", row.id), details=details
    )


def _fields(seen: MethodSeen) -> dict[str, Any]:
    said = asdict(seen)
    return {name: said[name] for name in ("kind", "brand", "last4", "exp_month", "exp_year")}


async def by_ref(tx: Tx, tenant: int, gateway: str, ref: str) -> Method | None:
    """The way to pay that a provider calls so, removed as it may be."""
    return await one_row(tx, Method, q.method_by_ref, {"tenant": tenant, "gateway": gateway, "ref": ref})


async def customer_account(tx: Tx, tenant: int, gateway: str, ref: str | None) -> int | None:
    """The account that a provider's customer is, if it is one of ours."""
    if ref is None:
        return None
    found: int | None = await value(
        tx, q.account_of_customer, {"tenant": tenant, "gateway": gateway, "ref": ref}
    )
    return found
