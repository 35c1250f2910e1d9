"""What may be changed: credit types, rate cards and what is sold; each in the caller's transaction, and audited."""

from collections.abc import Sequence
from datetime import datetime

from tallystick.db.pool import Tx, run, value
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.domain.identity.model import check_text
from tallystick.kernel.clock import iso
from tallystick.kernel.errors import Invalid, NotFound

from . import views
from .features import create_feature, delete_feature, update_feature
from .model import CreditType, Rate, RateCard, check_code, check_rates
from .packages import create_package, delete_package, update_package
from .plans import check_defined, create_plan, delete_plan, keep_plan, lock_plan, update_plan
from .terms import MAX_UNIT_PRICE, between
from .views import q

__all__ = [
    "check_defined",
    "create_feature",
    "create_package",
    "create_plan",
    "delete_feature",
    "delete_package",
    "delete_plan",
    "keep_plan",
    "lock_plan",
    "put_credit_type",
    "put_rate_card",
    "set_default",
    "set_unit_price",
    "update_feature",
    "update_package",
    "update_plan",
]


async def put_credit_type(tx: Tx, tenant: int, *, code: str, name: str, by: str) -> CreditType:
    """Define a credit type, or give it another name; the same again changes nothing. Raises Invalid."""
    values = {"tenant": tenant, "code": check_code(code), "name": check_text("name", name, 100, shortest=1)}
    if await run(tx, q.put_credit_type, values):
        target, details = f"credit_type:{code}", {"name": name}
        await identity.audit(tx, tenant, actor=by, action="credit_type.put", target=target, details=details)
    return await views.credit_type(tx, tenant, code)


async def set_default(tx: Tx, tenant: int, code: str, *, by: str) -> CreditType:
    """Let a defined credit type be what is meant when a request names none. Raises NotFound."""
    found = await views.credit_type(tx, tenant, code)
    if not found.default:
        await identity.set_default_credit_type(tx, tenant, code)
        target = f"credit_type:{code}"
        await identity.audit(tx, tenant, actor=by, action="credit_type.set_default", target=target)
    return await views.credit_type(tx, tenant, code)


async def set_unit_price(tx: Tx, tenant: int, code: str, unit_price: int | None, *, by: str) -> CreditType:
    """Say what a credit costs where any amount may be bought: millionths of a minor unit, None for one unit.

    Raises Invalid, NotFound.
    """
    if unit_price is not None:
        between("unit_price", unit_price, 1, MAX_UNIT_PRICE)
    if await run(tx, q.put_unit_price, {"tenant": tenant, "code": code, "unit_price": unit_price}):
        target, details = f"credit_type:{code}", {"unit_price": unit_price}
        await identity.audit(
            tx, tenant, actor=by, action="credit_type.set_price", target=target, details=details
        )
    return await views.credit_type(tx, tenant, code)


async def put_rate_card(
    tx: Tx, tenant: int, *, rates: Sequence[Rate], effective_at: datetime | None = None, by: str
) -> RateCard:
    """Replace the tenant's rate card from ``effective_at`` (now) on, by the next version.

    What would be in force then anyway is given back without a new version. Two at once wait for each other.
    Raises Invalid, naming the field, such as ``rates.0.credit_type``.
    """
    wanted = check_rates(rates)
    known = await views.defined(tx, tenant, sorted({rate.credit_type for rate in rates}))
    for n, rate in enumerate(rates):
        if rate.credit_type not in known:
            raise views.undefined(f"rates.{n}.credit_type", rate.credit_type)
    await run(tx, q.lock_rate_cards, {"tenant": tenant})
    now = await identities.now(tx, tenant)
    if effective_at is None:
        effective_at = now
    elif effective_at < now:
        raise Invalid("effective_at", "must not be in the past")
    try:
        then = await views.rate_card(tx, tenant, at=effective_at)
        if then.rates == wanted:
            return then
    except NotFound:
        pass  # the first
    values = {"tenant": tenant, "effective_at": effective_at, "now": now, "by": by}
    version = await value(tx, q.insert_rate_card, values)
    columns = {
        "operations": [rate.operation for rate in wanted],
        "credit_types": [rate.credit_type for rate in wanted],
        "costs": [rate.cost for rate in wanted],
    }
    await run(tx, q.insert_rates, {"tenant": tenant, "version": version, **columns})
    details = {"version": version, "effective_at": iso(effective_at)}
    target = f"rate_card:{version}"
    await identity.audit(tx, tenant, actor=by, action="rate_card.put", target=target, details=details)
    return await views.rate_card(tx, tenant, version=version)
