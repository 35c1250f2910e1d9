"""Changing plans. Everyone else finds it in `actions`."""

from typing import Any, Unpack
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, run, value
from tallystick.domain.events import actions as events
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.domain.identity.model import check_text, metadata_text
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tallystick.kernel.ids import uuid7

from . import views
from .events import changed as told
from .events import happened
from .model import Feature, Plan, PlanChanges, PlanStatus, check_description
from .offers import q
from .terms import Terms, between, check_key, check_terms, one_of, terms_text

STATUSES: tuple[PlanStatus, ...] = ("active", "archived")
MAX_RANK = 1_000_000


async def create_plan(
    tx: Tx,
    tenant: int,
    *,
    name: str,
    terms: Terms,
    description: str = "",
    key: str | None = None,
    tier: str | None = None,
    rank: int | None = None,
    status: PlanStatus = "active",
    metadata: dict[str, Any] | None = None,
    by: str,
) -> Plan:
    """Make a plan with its version 1. Audited. Raises Invalid, and Conflict("key_taken").

    Features and credit types of the terms must be defined; meters are the caller's to see to.
    """
    fields = {"name": name, "description": description, "tier": tier, "rank": rank, "status": status}
    values = _checked({**fields, "metadata": metadata or {}})
    values |= {"tenant": tenant, "id": uuid7(), "key": None if key is None else check_key("key", key)}
    await check_defined(tx, tenant, check_terms(terms))
    values["number"] = await value(tx, q.number, {"tenant": tenant, "name": "plan"})
    values["now"] = await identities.now(tx, tenant)
    if not await run(tx, q.insert_plan, values):
        raise Conflict("key_taken", "A plan with this key exists.")
    await _insert_version(tx, values | {"version": 1, "by": by}, terms)
    await _audit(tx, tenant, by, "plan.create", values["id"], {"name": name, "key": key})
    made = await views.plan(tx, tenant, values["id"])
    await events.emit(tx, tenant, happened("plan.created", made, made.created_at))
    return made


async def update_plan(tx: Tx, tenant: int, plan: UUID, *, by: str, **changes: Unpack[PlanChanges]) -> Plan:
    """Change what is given; nothing new leaves no trace. Locks the plan. Audited.

    Terms that differ become the next version, which later subscriptions get; whoever holds an earlier one keeps it.
    Raises Invalid and NotFound.
    """
    before = await _locked(tx, tenant, plan)
    terms = changes.pop("terms", None) or before.terms
    changed: dict[str, Any] = {name: new for name, new in changes.items() if new != getattr(before, name)}
    version = before.version
    if terms != before.terms:
        await check_defined(tx, tenant, check_terms(terms))
        version += 1
    elif not changed:
        return before
    names = [name for name in PlanChanges.__annotations__ if name != "terms"]
    values = _checked({name: getattr(before, name) for name in names} | changed)
    values |= {"tenant": tenant, "id": plan, "version": version, "now": await identities.now(tx, tenant)}
    if version != before.version:
        await _insert_version(tx, values | {"by": by}, terms)
        changed["version"] = version
    await run(tx, q.update_plan, values)
    await _audit(tx, tenant, by, "plan.update", plan, changed)
    after = await views.plan(tx, tenant, plan)
    await events.emit(tx, tenant, *told(before, after))
    return after


async def delete_plan(tx: Tx, tenant: int, plan: UUID, *, by: str) -> Plan:
    """Hide a plan; its versions stay. Whether anyone holds it, the caller knows. Audited. Raises NotFound."""
    found = await _locked(tx, tenant, plan)
    now = await identities.now(tx, tenant)
    await run(tx, q.delete_plan, {"tenant": tenant, "id": plan, "now": now})
    await _audit(tx, tenant, by, "plan.delete", plan, {"name": found.name})
    await events.emit(tx, tenant, happened("plan.deleted", found, now))
    return found


async def lock_plan(tx: Tx, tenant: int, plan: UUID) -> Plan:
    """The plan, which nobody changes, deletes or begins to hold until the transaction ends. Raises NotFound."""
    return await _locked(tx, tenant, plan)


async def keep_plan(tx: Tx, tenant: int, plan: UUID) -> Plan:
    """The plan, which nobody deletes until the transaction ends: for whoever is about to hold it. Raises NotFound."""
    if await value(tx, q.keep_plan, {"tenant": tenant, "id": plan}) is None:
        raise NotFound("plan")
    return await views.plan(tx, tenant, plan)


async def check_defined(tx: Tx, tenant: int, terms: Terms) -> None:
    """Raises Invalid, naming the field, for what is not defined and for a value that is not of its feature's type.

    Locks the features against deletion until the transaction ends. Meters are not looked at.
    """
    known = await views.defined(tx, tenant, sorted(terms.credit_types()))
    for n, allowance in enumerate(terms.allowances):
        if allowance.credit_type not in known:
            raise views.undefined(f"allowances.{n}.credit_type", allowance.credit_type)
    if not terms.features:
        return
    values = {"tenant": tenant, "keys": sorted(terms.features)}
    rows = await all_rows(tx, Feature, q.features_to_refer_to, values)
    types = {row.key: row.type for row in rows}
    for key, given in terms.features.items():
        if key not in types:
            raise Invalid(f"features.{key}", "is not a feature that is defined")
        if types[key] == "HARD_LIMIT":
            if type(given) is bool:
                raise Invalid(f"features.{key}", "must be an integer, or null for no limit")
        elif type(given) is not bool:
            raise Invalid(f"features.{key}", f"must be true or false for a {types[key]} feature")


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    """A plan's own fields as they are stored. Raises Invalid."""
    if fields["tier"] is not None:
        check_key("tier", fields["tier"])
    if fields["rank"] is not None:
        between("rank", fields["rank"], 0, MAX_RANK)
    one_of("status", fields["status"], STATUSES)
    return {
        **fields,
        "name": check_text("name", fields["name"], 255, shortest=1),
        "description": check_description(fields["description"]),
        "metadata": metadata_text(fields["metadata"]),
    }


async def _locked(tx: Tx, tenant: int, plan: UUID) -> Plan:
    if await value(tx, q.lock_plan, {"tenant": tenant, "id": plan}) is None:
        raise NotFound("plan")
    return await views.plan(tx, tenant, plan)


async def _insert_version(tx: Tx, values: dict[str, Any], terms: Terms) -> None:
    searched = {"interval": terms.interval, "currency": terms.currency, "features": sorted(terms.features)}
    await run(tx, q.insert_plan_version, {**values, **searched, "terms": terms_text(terms)})


async def _audit(tx: Tx, tenant: int, by: str, action: str, plan: UUID, details: dict[str, Any]) -> None:
    await identity.audit(tx, tenant, actor=by, action=action, target=f"plan:{plan}", details=details)
