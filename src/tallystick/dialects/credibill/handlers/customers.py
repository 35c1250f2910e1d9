"""Customers: accounts, as this contract calls them."""

from typing import Any, Final, cast

from msgspec import UNSET

from tallystick.db.pool import Tx
from tallystick.dialects.credibill import names
from tallystick.dialects.credibill.bodies import CustomerPatch, NewCustomer
from tallystick.dialects.credibill.call import Call, write
from tallystick.dialects.credibill.fields import metadata
from tallystick.dialects.credibill.lists import alone, page_of
from tallystick.dialects.credibill.shapes import encode
from tallystick.dialects.credibill.shelf import Shelf
from tallystick.domain.identity import actions, views
from tallystick.domain.identity.model import Account, AccountChanges, check_email
from tallystick.domain.identity.request_keys import hold_name
from tallystick.domain.invoicing import views as invoicing
from tallystick.domain.subscriptions import views as subscriptions
from tallystick.http.hot import Reply
from tallystick.kernel.errors import Conflict, NotFound
from tallystick.kernel.page import Page

_SHOWN: Final = 100
"""Subscriptions and invoices that stand in a customer."""


async def create_customer(call: Call) -> Reply:
    """Create Customer."""
    body: NewCustomer = call.body

    async def act(tx: Tx) -> dict[str, Any]:
        email = check_email("email", body.email)
        await _reserve(tx, call.tenant, email)
        made = await actions.create_account(
            tx,
            call.tenant,
            email=email,
            name=_name(body.first_name, body.last_name),
            first_name=body.first_name or "",
            last_name=body.last_name or "",
            phone=body.phone or "",
            external_id=body.external_customer_id,
            kind=body.type or "individual",
            metadata=metadata(body.metadata),
        )
        if body.status not in (None, "active"):
            await actions.patch_account(
                tx, call.tenant, made.account_id, {"status": body.status}, by=call.actor.name
            )
        call.accounts.add(made.account_id)
        return {"customerId": names.customer_id(made.uuid)}

    return await write(call, 201, act)


async def get_customers(call: Call) -> Reply:
    """List Customers, or Get Customer."""
    one = alone(call.query, "customerId")
    async with call.system.db.connection() as conn:
        shelf = Shelf(conn, call.actor)
        if one is None:

            async def read(after: int | None, limit: int) -> Page[Account]:
                return await views.accounts(conn, call.tenant, after=after, limit=limit)

            rows, more = await page_of(call.query, read)
            return Reply(200, encode({"customers": await shelf.customers(rows), **more}))
        account = await find(conn, call, one)
        number = account.account_id
        held = await subscriptions.subscriptions(conn, call.tenant, account=number, limit=_SHOWN)
        invoices = await invoicing.invoices(conn, call.tenant, account=number, limit=_SHOWN)
        shown = await shelf.whole_customer(account, held.rows, invoices.rows)
        return Reply(200, encode({"customer": shown}))


async def update_customer(call: Call) -> Reply:
    """Update Customer."""
    body: CustomerPatch = call.body

    async def act(tx: Tx) -> dict[str, Any]:
        account = await find(tx, call, body.customer_id)
        changes = _changes(body)
        if "email" in changes:
            changes["email"] = check_email("email", changes["email"])
            await _reserve(tx, call.tenant, changes["email"], account.uuid)
        if "first_name" in changes or "last_name" in changes:
            first = changes.get("first_name", account.first_name)
            changes["name"] = _name(first, changes.get("last_name", account.last_name))
        await actions.patch_account(tx, call.tenant, account.account_id, changes, by=call.actor.name)
        return {"message": "Customer updated"}

    return await write(call, 200, act)


async def find(conn: Tx, call: Call, text: str) -> Account:
    """The customer of an id; the request counts for it. Raises NotFound."""
    try:
        account = await views.account_by_uuid(conn, call.tenant, names.parse_customer(text))
    except NotFound:
        raise NotFound("customer") from None
    call.accounts.add(account.account_id)
    return account


def _changes(body: CustomerPatch) -> AccountChanges:
    given = {
        "external_id": body.external_customer_id,
        "email": body.email,
        "first_name": body.first_name,
        "last_name": body.last_name,
        "phone": body.phone,
        "kind": body.type,
        "status": body.status,
        "metadata": UNSET if body.metadata is UNSET else metadata(body.metadata),
    }
    empty = {"first_name", "last_name", "phone"}
    changes = {
        name: "" if value is None and name in empty else value
        for name, value in given.items()
        if value is not UNSET
    }
    return cast(AccountChanges, changes)


async def _reserve(tx: Tx, tenant: int, email: str, but: Any = None) -> None:
    """Raises Conflict when another customer has the address; who asks for it at once waits for this one."""
    await hold_name(tx, tenant, f"customer email {email}")
    found = await views.accounts(tx, tenant, email=email, limit=2)
    if any(account.uuid != but for account in found.rows):
        raise Conflict("email_taken", "A customer with this email exists.")


def _name(first: str | None, last: str | None) -> str:
    return f"{first or ''} {last or ''}".strip()
