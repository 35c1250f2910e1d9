"""Plans: their versions, and what they would charge."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native.auth import Here, Reader, Writer
from tallystick.dialects.native.native import Native
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.dialects.native.queries import Listed
from tallystick.domain.catalog import actions, pricing, views
from tallystick.domain.catalog.terms import Terms
from tallystick.domain.metering import actions as metering
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.http.paging import page_body
from tallystick.kernel.actor import Actor
from tallystick.kernel.errors import Invalid, NotFound
from tallystick.kernel.money import MAX_MINOR

from . import forms, reading, shapes
from .naming import plan_named


async def list_plans(native: Here, actor: Reader, query: Annotated[forms.PlansQuery, Query()]) -> Response:
    """List plans, the newest first."""
    async with native.system.db.connection() as conn:
        page = await views.plans(
            conn, actor.tenant, status=query.status, tier=query.tier, interval=query.interval,
            currency=query.currency, name=query.q, before=query.after, limit=query.limit,
        )  # fmt: skip
    return answered(page_body(page.map(shapes.plan)))


async def create_plan(
    native: Here, actor: Writer, request: Request, key: Key, body: forms.NewPlan
) -> Response:
    """Make a plan.

    Features and credit types must be defined. A component whose meter is not defined gets one that sums the
    quantities of the metric of that name.
    """
    terms = await reading.terms(body, _default(native, actor))
    own = body.model_dump(include={"name", "description", "key", "tier", "rank", "status", "metadata"})

    async def act(tx: Tx) -> tuple[int, Any]:
        made = await actions.create_plan(tx, actor.tenant, terms=terms, **own, by=actor.name)
        await _ensure_meters(tx, actor, terms)
        return 201, shapes.plan(made)

    return await write_once(native, actor, request, key, body, act)


async def read_plan(native: Here, actor: Reader, plan: str) -> Response:
    """Read a plan, by its id or key."""
    async with native.system.db.connection() as conn:
        return answered(shapes.plan(await plan_named(conn, actor.tenant, plan)))


async def patch_plan(native: Here, actor: Writer, plan: str, body: forms.PlanPatch) -> Response:
    """Change a plan.

    What is absent stays; lists and objects are replaced whole. Terms that differ become the next version, which new
    subscriptions get; those who hold an earlier version keep it. An archived plan takes no new subscriptions.
    """
    own = {"name", "description", "tier", "rank", "status", "metadata"}
    changes: Any = body.model_dump(include=own & body.model_fields_set)
    async with native.system.db.tx() as tx:
        found = await plan_named(tx, actor.tenant, plan)
        found = await actions.lock_plan(tx, actor.tenant, found.id)
        terms = await reading.other_terms(found, body, _default(native, actor))
        changed = await actions.update_plan(tx, actor.tenant, found.id, by=actor.name, terms=terms, **changes)
        if changed.version != found.version:
            await _ensure_meters(tx, actor, changed.terms)
    return answered(shapes.plan(changed))


async def delete_plan(native: Here, actor: Writer, plan: str) -> Response:
    """Delete a plan that nobody holds.

    It is hidden, its history stays, and its key is free again. One that is in use can be archived.
    """
    async with native.system.db.tx() as tx:
        found = await plan_named(tx, actor.tenant, plan)
        await subscriptions.delete_plan(tx, actor.tenant, found.id, by=actor.name)
    return answered(shapes.plan(found))


async def list_plan_versions(
    native: Here, actor: Reader, plan: str, query: Annotated[Listed, Query()]
) -> Response:
    """List a plan's versions, the newest first."""
    async with native.system.db.connection() as conn:
        found = await plan_named(conn, actor.tenant, plan)
        page = await views.plan_versions(conn, actor.tenant, found.id, before=query.after, limit=query.limit)
    return answered(page_body(page.map(lambda row: shapes.plan_version(found, row))))


async def read_plan_version(native: Here, actor: Reader, plan: str, version: str) -> Response:
    """Read one version of a plan."""
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
    async with native.system.db.connection() as conn:
        found = await plan_named(conn, actor.tenant, plan)
        page = await views.plan_versions(conn, actor.tenant, found.id, before=number + 1, limit=1)
    if not page.rows or page.rows[0].version != number:
        raise NotFound("plan version")
    return answered(shapes.plan_version(found, page.rows[0]))


async def quote_plan(native: Here, actor: Reader, plan: str, body: forms.NewQuote) -> Response:
    """Work out what a period of a plan would cost.

    Nothing is written: the same arithmetic as an invoice's, for quantities that are tried.
    """
    async with native.system.db.connection() as conn:
        found = await plan_named(conn, actor.tenant, plan)
        if body.version is not None:
            found = await views.plan_version(conn, actor.tenant, found.id, body.version)
    for meter in body.quantities.keys() - found.terms.meters():
        raise Invalid(f"quantities.{meter}", "is not a meter of the plan")
    charges = pricing.quote(found.terms, body.quantities)
    if pricing.total(charges) > MAX_MINOR:
        raise Invalid("quantities", "come to more than can be billed")
    return answered(shapes.quote(found, charges))


def _default(native: Native, actor: Actor) -> reading.Resolve:
    return lambda code: native.system.credit_types.resolve(actor.tenant, code)


async def _ensure_meters(tx: Tx, actor: Actor, terms: Terms) -> None:
    for meter in sorted(terms.meters()):
        await metering.ensure_meter(tx, actor.tenant, meter, by=actor.name)
