"""Buying a package by what the contract says of a card: its type and its last four digits."""

from uuid import UUID

from tallystick.db.pool import Tx
from tallystick.domain.catalog import views as catalog
from tallystick.domain.identity.request_keys import Inner
from tallystick.domain.payments import receipts, settings, views
from tallystick.domain.payments.buying import buy_package
from tallystick.domain.payments.model import Method
from tallystick.domain.payments.presenting import buy_by_digits, takes_digits
from tallystick.kernel.errors import Invalid, NotFound

from . import shapes
from .desk import Caller, Desk, System
from .estimates import credits_of
from .forms import CARDS, TRANSFERS, Purchase


async def buy(desk: Desk, caller: Caller, account: int, wanted: Purchase, key: Inner) -> shapes.Bought:
    """Buy it, once for the key; what the purchase is then: paid, declined or under way.

    Raises Invalid for a card that is none of the practice's, and what `buy_package` raises.
    """
    system = desk.system
    credit_type = await system.credit_types.resolve(caller.tenant, None)
    async with system.db.connection() as conn:
        package = await catalog.package_by_number(conn, caller.tenant, wanted.package)
        if package.credit_type != credit_type:
            raise NotFound("package")
        taker, method = await _way(conn, system, caller.tenant, account, wanted)
    invoice = await _bought(system, caller, account, package.id, wanted, taker, method, key)
    found = await receipts.receipt_of_invoice(system.db, caller.tenant, invoice)
    return shapes.bought(found, await credits_of(system, caller.tenant, account, credit_type))


async def _bought(
    system: System, caller: Caller, account: int, package: UUID, wanted: Purchase, gateway: str | None,
    method: UUID | None, key: Inner,
) -> UUID:  # fmt: skip
    """Pay for it; give its invoice."""
    till, tenant = system.till, caller.tenant
    if gateway is not None and takes_digits(till, gateway):
        own = None if key is None else (key[0] + "\ndigits", key[1])
        page = await buy_by_digits(
            till, tenant, account, package, gateway=gateway, last4=wanted.last_four, by=caller.name, key=own
        )
        assert page.invoice is not None
        return page.invoice
    made = await buy_package(
        till, tenant, account, package, gateway=gateway, method=method, by=caller.name, key=key
    )
    return made.invoice.id


async def _way(
    conn: Tx, system: System, tenant: int, account: int, wanted: Purchase
) -> tuple[str | None, UUID | None]:
    """The gateway, or the saved way to pay. Raises Invalid, Conflict("gateway_not_set_up")."""
    if wanted.type in TRANSFERS:
        return "manual", None
    standard = await settings.standard_gateway(conn, system.till, tenant)
    if takes_digits(system.till, standard):
        if wanted.type not in CARDS:
            raise Invalid("payment_method.type", f"must be one of {', '.join(CARDS + TRANSFERS)}")
        return standard, None
    for saved in await views.methods(conn, tenant, account):
        if saved.last4 == wanted.last_four and _is(saved, wanted.type):
            return None, saved.id
    raise Invalid("payment_method", "is none that this practice has saved: save it first, then name it again")


def _is(saved: Method, type: str) -> bool:
    return type in CARDS if saved.kind == "card" else type == saved.kind
