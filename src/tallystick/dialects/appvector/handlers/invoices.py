"""The workspace's invoices."""

from collections.abc import Mapping
from functools import partial
from typing import Final
from uuid import UUID

from tallystick.dialects.appvector import bills, errors
from tallystick.dialects.appvector.desk import Desk
from tallystick.domain.invoicing import views
from tallystick.domain.payments.links import invoice_url
from tallystick.http.contract import Ask
from tallystick.http.drf.fields import Field, Integer, read
from tallystick.http.hot import Reply
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import parse_typeid

_LIMIT: Final[Mapping[str, Field]] = {"limit": Integer(min_value=1, max_value=500, default=100)}


async def list_invoices(desk: Desk, ask: Ask) -> Reply:
    """List the workspace's invoices that were issued, the newest first."""
    who = await desk.asker(ask, ask.query.get("workspace_id"))
    limit: int = read(_LIMIT, ask.query)["limit"]
    async with desk.system.db.connection() as conn:
        rows = await views.issued_invoices(conn, who.tenant, who.account, limit=limit)
        zone = (await views.settings(conn, who.tenant)).time_zone
    return errors.said(200, {"invoices": [bills.invoice(row, zone, link(desk)) for row in rows]})


async def read_invoice(desk: Desk, ask: Ask) -> Reply:
    """Get one of the workspace's invoices with its lines."""
    who = await desk.asker(ask, ask.query.get("workspace_id"))
    async with desk.system.db.connection() as conn:
        row = await views.invoice(conn, who.tenant, invoice_id(ask.params["id"]))
        zone = (await views.settings(conn, who.tenant)).time_zone
    if row.account != who.account or row.issued_at is None:
        raise NotFound("invoice")
    return errors.said(200, {"invoice": bills.whole_invoice(row, zone, link(desk))})


def link(desk: Desk) -> bills.Link:
    """Makes the addresses of invoices' pages, which open without a credential."""
    return partial(invoice_url, desk.system.vault, desk.system.till.public_url)


def invoice_id(text: str) -> UUID:
    """What a UUID or a TypeID names, as the list and the payment history write them. Raises NotFound."""
    for prefix in ("inv", "in"):
        found = parse_typeid(prefix, text)
        if found is not None:
            return found
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("invoice") from None
