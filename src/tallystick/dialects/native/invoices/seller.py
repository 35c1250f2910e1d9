"""The seller's side: tax rates and billing settings."""

from typing import Annotated, Any, cast

from fastapi import Query, Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native.auth import Here, Reader, Writer
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.dialects.native.queries import Listed
from tallystick.domain.invoicing import settings, views
from tallystick.domain.invoicing.model import Seller, Settings
from tallystick.domain.invoicing.settings import TaxRateChanges
from tallystick.http.paging import page_body

from . import forms, standing
from .reading import id_of


async def list_tax_rates(native: Here, actor: Reader, query: Annotated[Listed, Query()]) -> Response:
    """List tax rates, the oldest first."""
    async with native.system.db.connection() as conn:
        rows = await views.tax_rates(conn, actor.tenant)
    return answered(page_body(query.slice_of(rows).map(standing.tax_rate)))


async def create_tax_rate(
    native: Here, actor: Writer, request: Request, key: Key, body: forms.NewTaxRate
) -> Response:
    """Make a tax rate.

    A customer pays the rates of its country and region, else those of its country, else the default.
    """

    async def act(tx: Tx) -> tuple[int, Any]:
        made = await settings.create_tax_rate(
            tx, actor.tenant, name=body.name, rate=body.percentage, inclusive=body.inclusive,
            country=body.country or "", region=body.region or "", standard=body.default, by=actor.name,
        )  # fmt: skip
        return 201, standing.tax_rate(made)

    return await write_once(native, actor, request, key, body, act)


async def read_tax_rate(native: Here, actor: Reader, tax_rate: str) -> Response:
    """Read a tax rate."""
    async with native.system.db.connection() as conn:
        found = await views.tax_rate(conn, actor.tenant, id_of("tax", tax_rate, "tax rate"))
    return answered(standing.tax_rate(found))


async def patch_tax_rate(native: Here, actor: Writer, tax_rate: str, body: forms.TaxRatePatch) -> Response:
    """Rename a tax rate, put it in or out of use, or make it the default.

    Invoices that were issued keep what they said.
    """
    rate = id_of("tax", tax_rate, "tax rate")
    given = body.model_dump(exclude_none=True)
    if "default" in given:
        given["standard"] = given.pop("default")
    changes = cast(TaxRateChanges, given)
    async with native.system.db.tx() as tx:
        return answered(
            standing.tax_rate(await settings.patch_tax_rate(tx, actor.tenant, rate, changes, by=actor.name))
        )


async def read_billing_settings(native: Here, actor: Reader) -> Response:
    """Read the billing settings."""
    async with native.system.db.connection() as conn:
        return answered(standing.billing_settings(await views.settings(conn, actor.tenant)))


async def put_billing_settings(native: Here, actor: Writer, body: forms.PutBillingSettings) -> Response:
    """Replace the billing settings.

    Another pattern never gives a number again.
    """
    given = body.model_dump()
    who = given.pop("seller")
    wanted = Settings(**given, seller=Seller(**who | {"address": tuple(who["address"])}))
    async with native.system.db.tx() as tx:
        put = await settings.put_settings(tx, actor.tenant, wanted, by=actor.name)
    return answered(standing.billing_settings(put))
