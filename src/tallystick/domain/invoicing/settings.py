"""The seller's settings and tax rates: what may be changed, audited. A rate's percentage never changes."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final, TypedDict
from uuid import UUID

from babel import Locale, UnknownLocaleError

from tallystick.db.pool import Tx, run
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity.model import check_email, check_text, check_time_zone
from tallystick.domain.identity.views import now as now_of
from tallystick.kernel.errors import Conflict, Invalid
from tallystick.kernel.ids import uuid7

from . import views
from .composing import as_json, check_prose
from .model import Seller, Settings, TaxRate
from .numbers import check_pattern
from .views import q

MAX_RATE: Final = 1_000_000
MAX_RATES: Final = 1000
MAX_DAYS: Final = 3650
MAX_GRACE: Final = 366 * 86_400
_COUNTRY: Final = re.compile("[A-Z]{2}", re.ASCII)


class TaxRateChanges(TypedDict, total=False):
    """What of a tax rate to change; what is absent stays."""

    name: str
    standard: bool
    active: bool


async def put_settings(tx: Tx, tenant: int, settings: Settings, *, by: str) -> Settings:
    """Replace the tenant's billing settings. Invoices issued before keep what they said. Raises Invalid."""
    checked = check_settings(settings)
    values = asdict(checked) | {"seller": as_json(checked.seller), "tenant": tenant}
    await run(tx, q.put_settings, values | {"now": await now_of(tx, tenant)})
    details = {"invoice_pattern": checked.invoice_pattern, "seller": checked.seller.name}
    await identity.audit(
        tx, tenant, actor=by, action="billing_settings.put", target="billing_settings", details=details
    )
    return await views.settings(tx, tenant)


def check_settings(settings: Settings) -> Settings:
    """Give the settings back. Raises Invalid, naming the field."""
    seller = settings.seller
    _check_seller(seller)
    check_pattern("invoice_pattern", settings.invoice_pattern)
    check_pattern("credit_note_pattern", settings.credit_note_pattern)
    for field, longest in (
        ("days_until_due", MAX_DAYS),
        ("grace_seconds", MAX_GRACE),
        ("end_unpaid_after_days", MAX_DAYS),
    ):
        if not 0 <= getattr(settings, field) <= longest:
            raise Invalid(field, f"must be from 0 to {longest}")
    check_locale(settings.locale)
    check_time_zone(settings.time_zone)
    check_prose("footer", settings.footer, 300)
    return settings


def _check_seller(seller: Seller) -> None:
    check_text("seller.name", seller.name, 255)
    if len(seller.address) > 6:
        raise Invalid("seller.address", "must be at most 6 lines")
    for at, line in enumerate(seller.address):
        check_text(f"seller.address.{at}", line, 255)
    if seller.email:
        check_email("seller.email", seller.email)
    check_text("seller.tax_id", seller.tax_id, 100)
    check_text("seller.logo", seller.logo, 40)


def check_locale(text: str) -> str:
    """Give the locale back. Raises Invalid when it is not one that documents can be written in."""
    try:
        if len(text) > 30 or not text.isascii():
            raise ValueError
        Locale.parse(text.replace("-", "_"))
    except (ValueError, TypeError, UnknownLocaleError):
        raise Invalid("locale", "must be a locale such as en, en-GB or sw-UG") from None
    return text


async def create_tax_rate(
    tx: Tx, tenant: int, *, name: str, rate: int, by: str, inclusive: bool = False, country: str = "",
    region: str = "", standard: bool = False,
) -> TaxRate:  # fmt: skip
    """Define a tax rate (``rate`` in millionths). A ``standard`` one takes that place from another.

    Raises Invalid, and Conflict("tax_rate_exists") for what would be charged twice.
    """
    check_text("name", name, 100, shortest=1)
    if not 0 <= rate <= MAX_RATE:
        raise Invalid("percentage", "must be from 0 to 100")
    if country and _COUNTRY.fullmatch(country) is None:
        raise Invalid("country", "must be two capital letters, such as UG (ISO 3166-1)")
    if region and not country:
        raise Invalid("country", "is required with a region")
    check_text("region", region, 255)
    await run(tx, q.lock_tenant, {"tenant": tenant})
    known = await views.tax_rates(tx, tenant)
    if len(known) >= MAX_RATES:
        raise Invalid("name", f"would be of more than {MAX_RATES} tax rates")
    _check_new(known, name, country, region)
    id = uuid7()
    values = {"tenant": tenant, "id": id, "name": name, "rate": rate, "inclusive": inclusive}
    values |= {"country": country, "region": region, "standard": standard, "active": True}
    values["now"] = await now_of(tx, tenant)
    if standard:
        await run(tx, q.unset_standard, values)
    await run(tx, q.insert_tax_rate, values)
    await _audit(tx, tenant, by, "tax_rate.create", id, {"name": name, "rate": rate, "standard": standard})
    return await views.tax_rate(tx, tenant, id)


def _check_new(known: Sequence[TaxRate], name: str, country: str, region: str) -> None:
    """Every active rate of a place is charged there: one of the same name would be charged twice."""
    if country and any(
        one.active and (one.name, one.country, one.region) == (name, country, region) for one in known
    ):
        raise Conflict("tax_rate_exists", "An active tax rate of this name and place exists.")


async def patch_tax_rate(tx: Tx, tenant: int, rate: UUID, changes: TaxRateChanges, *, by: str) -> TaxRate:
    """Rename a rate, put it in or out of use, or make it the standard. An inactive one is no standard.

    Raises Invalid, NotFound, Conflict("tax_rate_exists").
    """
    await run(tx, q.lock_tenant, {"tenant": tenant})
    before = await views.tax_rate(tx, tenant, rate)
    name = check_text("name", changes.get("name", before.name), 100, shortest=1)
    active = changes.get("active", before.active)
    standard = changes.get("standard", before.standard and active)
    if standard and not active:
        raise Invalid("default", "must not be an inactive rate")
    if active:
        others = [one for one in await views.tax_rates(tx, tenant) if one.id != rate]
        _check_new(others, name, before.country, before.region)
    values = {"tenant": tenant, "id": rate, "name": name, "active": active, "standard": standard}
    values["now"] = await now_of(tx, tenant)
    if standard:
        await run(tx, q.unset_standard, values)
    await run(tx, q.update_tax_rate, values)
    details = {"name": name, "active": active, "standard": standard}
    await _audit(tx, tenant, by, "tax_rate.change", rate, details)
    return await views.tax_rate(tx, tenant, rate)


async def _audit(tx: Tx, tenant: int, by: str, action: str, rate: UUID, details: dict[str, object]) -> None:
    await identity.audit(tx, tenant, actor=by, action=action, target=f"tax:{rate}", details=details)
