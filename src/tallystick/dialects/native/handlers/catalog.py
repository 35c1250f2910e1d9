"""Credit types and rate cards."""

from typing import Annotated

from fastapi import Query, Response

from tallystick.dialects.native import forms, queries, shapes
from tallystick.dialects.native.auth import Here, Reader, Writer
from tallystick.dialects.native.once import answered
from tallystick.domain.catalog import actions, views
from tallystick.domain.catalog.model import Rate
from tallystick.http.paging import page_body
from tallystick.kernel.errors import Invalid


async def list_credit_types(
    native: Here, actor: Reader, query: Annotated[queries.Listed, Query()]
) -> Response:
    """List credit types."""
    async with native.system.db.connection() as conn:
        rows = await views.credit_types(conn, actor.tenant)
    return answered(page_body(query.slice_of(rows).map(shapes.credit_type)))


async def put_credit_type(native: Here, actor: Writer, body: forms.PutCreditType) -> Response:
    """Define a credit type, rename it, or say what a credit costs."""
    async with native.system.db.tx() as tx:
        put = await actions.put_credit_type(
            tx, actor.tenant, code=body.code, name=body.name, by=actor.name
        )  # fmt: skip
        if body.default:
            put = await actions.set_default(tx, actor.tenant, body.code, by=actor.name)
        if "unit_price" in body.model_fields_set:
            put = await actions.set_unit_price(tx, actor.tenant, body.code, body.unit_price, by=actor.name)
    return answered(shapes.credit_type(put))


async def read_rate_card(
    native: Here, actor: Reader, query: Annotated[queries.RateCardQuery, Query()]
) -> Response:
    """Read the rate card in force, or another version."""
    if query.version is not None and query.at is not None:
        raise Invalid("at", "must not be given with a version")
    version = None if query.version is None else int(query.version)
    async with native.system.db.connection() as conn:
        card = await views.rate_card(conn, actor.tenant, at=query.at, version=version)
    return answered(shapes.rate_card(card))


async def put_rate_card(native: Here, actor: Writer, body: forms.PutRateCard) -> Response:
    """Replace the rate card, now or from a moment on.

    Versions never change: a debit names the one it was priced by.
    """
    code = native.system.credit_types.resolve
    rates = [
        Rate(rate.operation, rate.credit_type or await code(actor.tenant, None), rate.cost)
        for rate in body.rates
    ]
    async with native.system.db.tx() as tx:
        card = await actions.put_rate_card(
            tx, actor.tenant, rates=rates, effective_at=body.effective_at, by=actor.name
        )
    return answered(shapes.rate_card(card))


async def list_rate_cards(native: Here, actor: Reader, query: Annotated[queries.Listed, Query()]) -> Response:
    """List the rate card's versions, the newest first."""
    async with native.system.db.connection() as conn:
        page = await views.rate_cards(conn, actor.tenant, before=query.after, limit=query.limit)
    return answered(page_body(page.map(shapes.rate_card)))
