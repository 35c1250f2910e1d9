"""How a tenant takes money: its gateways with their sealed secrets, and its policy."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec

from tallystick.db.pool import Tx, all_rows, one_row, run, value
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.kernel.actor import Mode
from tallystick.kernel.errors import Conflict, Invalid, NotFound

from . import sealing
from .model import GatewaySetting
from .policy import Policy
from .port import Gateway, Site
from .till import Till
from .views import q

SANDBOX: Final = "sandbox"
"""The gateway that needs nothing, and on which no money moves. Live customers may use it only where the tenant enabled
it, and as long as no other is the standard one: they would buy with test cards."""

FROM_ENVIRONMENT: Final = "environment"
"""The hint of a secret that the server's own settings give."""

_NOTHING: Final = (
    "No way to take payments is set up: put the settings of stripe, or of manual for bank transfers; "
    "or enable the sandbox for a trial, where no money moves."
)

MAX_OPTIONS: Final = 16_384
"""Bytes of a gateway's options as JSON."""


async def site(conn: Tx, till: Till, tenant: int, gateway: str, *, even_disabled: bool = False) -> Site:
    """The tenant's account at a gateway, with its secrets open.

    ``even_disabled``: for money that is on its way already. Raises Conflict("gateway_disabled"),
    Conflict("gateway_not_set_up"), Conflict("sealed_elsewhere").
    """
    taker = _gateway(till, gateway)
    who = await identities.tenant(conn, tenant)
    row = await one_row(conn, GatewaySetting, q.setting, {"tenant": tenant, "gateway": gateway})
    options, secrets = await _defaults(conn, till, tenant, taker)
    known = row is not None or not taker.secret_names
    if known and not even_disabled and not _found(await gateways(conn, till, tenant), gateway).enabled:
        raise Conflict("gateway_disabled", f"The gateway {gateway} is switched off.")
    if row is not None:
        options |= row.options
        if row.secrets is not None:
            secrets = sealing.opened(till.vault, row)
    if taker.secret_names and not secrets:
        raise _not_set_up(gateway)
    return Site(tenant, who.app_id, who.mode, till.public_url, options, secrets)


async def gateways(conn: Tx, till: Till, tenant: int) -> list[GatewaySetting]:
    """How the tenant uses each gateway that there is, by name. What was never put is as it works unsaid.

    Of what was never put, test mode has all that need no secrets; live mode what the server's own settings give.
    Where none is marked as the standard one, it is the first that can be used: in live mode of stripe, manual and
    the sandbox, in test mode the sandbox before those.
    """
    rows = {row.gateway: row for row in await all_rows(conn, GatewaySetting, q.settings, {"tenant": tenant})}
    now = await identities.now(conn, tenant)
    mode = (await identities.tenant(conn, tenant)).mode
    shown, usable = [], []
    for name, taker in sorted(till.gateways.items()):
        row = rows.get(name)
        options, secrets = await _defaults(conn, till, tenant, taker)
        if row is None:
            enabled = bool(secrets) or (mode is Mode.TEST and not taker.secret_names)
            row = GatewaySetting(
                tenant=tenant, gateway=name, enabled=enabled, standard=False, options=options, secrets=None,
                hints={}, updated_at=now,
            )  # fmt: skip
        if row.secrets is None and secrets:
            row.hints = dict.fromkeys(sorted(secrets), FROM_ENVIRONMENT)
        if row.enabled and (row.secrets is not None or secrets or not taker.secret_names):
            usable.append(name)
        shown.append(row)
    standard = next((row.gateway for row in shown if row.standard and row.enabled), None)
    if standard is None:
        standard = min(usable, key=lambda name: _place(name, mode), default=None)
    for row in shown:
        row.standard = row.gateway == standard
        row.enabled = row.enabled and not _is_play(row.gateway, mode, standard)
    return shown


@dataclass(slots=True, kw_only=True)
class _Kept(GatewaySetting):
    app: UUID
    mode: Mode


async def every_site(conn: Tx, till: Till, gateway: str) -> list[Site]:
    """Every tenant's account at a gateway that takes secrets, switched off or not, with them open; first that which
    the server's own settings give. Secrets that were sealed elsewhere are left out."""
    kept = await all_rows(conn, _Kept, q.settings_with_secrets, {"gateway": gateway})
    found = []
    options, _ = _own(till, _gateway(till, gateway))
    first = await identities.first_app(conn)
    if first is not None:
        own = await identities.tenant_of(conn, first.app_id, Mode.LIVE)
        if all(row.tenant != own.id for row in kept):
            with contextlib.suppress(Conflict):
                found.append(await site(conn, till, own.id, gateway, even_disabled=True))
    for row in kept:
        with contextlib.suppress(Conflict):
            secrets = sealing.opened(till.vault, row)
            found.append(
                Site(row.tenant, row.app, Mode(row.mode), till.public_url, options | row.options, secrets)
            )
    return found


async def gateway(conn: Tx, till: Till, tenant: int, name: str) -> GatewaySetting:
    """Raises NotFound."""
    return _found(await gateways(conn, till, tenant), name)


async def standard_gateway(conn: Tx, till: Till, tenant: int) -> str:
    """The gateway that is used where none is named. Raises Conflict("gateway_not_set_up") where there is none."""
    found = await standard_or_none(conn, till, tenant)
    if found is None:
        raise Conflict("gateway_not_set_up", _NOTHING)
    return found


async def stripe_or_other(conn: Tx, till: Till, tenant: int) -> str:
    """Stripe where the tenant takes payments with it, else the sandbox where that is on, else the standard gateway.

    Raises Conflict("gateway_not_set_up") where there is none: live customers would else buy with test cards.
    """
    rows = {row.gateway: row for row in await gateways(conn, till, tenant)}
    for name in ("stripe", SANDBOX):
        row, taker = rows.get(name), till.gateways.get(name)
        if row is not None and taker is not None and row.enabled and (row.hints or not taker.secret_names):
            return name
    return await standard_gateway(conn, till, tenant)


async def standard_or_none(conn: Tx, till: Till, tenant: int) -> str | None:
    return next((row.gateway for row in await gateways(conn, till, tenant) if row.standard), None)


async def put_gateway(
    tx: Tx,
    till: Till,
    tenant: int,
    gateway: str,
    *,
    enabled: bool,
    standard: bool | None = None,
    options: Mapping[str, Any],
    secrets: Mapping[str, str] | None,
    by: str,
) -> GatewaySetting:
    """Say how the tenant uses a gateway. ``secrets`` of None stay; of those named an empty one is taken away.

    ``standard`` of None stays, but for one that is switched off. Where live customers pay by another gateway from now
    on, the sandbox's trial is over: it is switched off. Audited, without the secrets. Raises Invalid,
    Conflict("gateway_not_set_up").
    """
    taker = _gateway(till, gateway)
    await run(tx, q.lock_settings, {"tenant": tenant})
    before = await one_row(tx, GatewaySetting, q.setting, {"tenant": tenant, "gateway": gateway})
    mode = (await identities.tenant(tx, tenant)).mode
    kept = {} if before is None or before.secrets is None else sealing.opened(till.vault, before)
    wanted = sealing.merged(taker, kept, secrets, mode)
    checked = taker.check_options(options)
    text = _options_text(checked)
    if standard and not enabled:
        raise Invalid("standard", "must not be true of a gateway that is switched off")
    if standard is None:
        standard = enabled and before is not None and before.standard
    if enabled and not standard and _is_play(gateway, mode, await standard_or_none(tx, till, tenant)):
        raise Invalid(
            "enabled", "must not be true of this gateway in live mode while another is the standard one"
        )
    if enabled and taker.secret_names and not wanted:
        _, known = await _defaults(tx, till, tenant, taker)
        if not known:
            raise Invalid("secrets", "must be given to switch the gateway on")
    if standard:
        await run(tx, q.unset_standard, {"tenant": tenant, "gateway": gateway})
    values = {
        "tenant": tenant,
        "gateway": gateway,
        "enabled": enabled,
        "standard": standard,
        "options": text,
        "secrets": sealing.sealed(till.vault, tenant, gateway, wanted),
        "hints": _text(sealing.hints(wanted)),
        "now": await identities.now(tx, tenant),
    }
    await run(tx, q.put_setting, values)
    if _is_play(SANDBOX, mode, await standard_or_none(tx, till, tenant)):
        await run(tx, q.switch_off, {"tenant": tenant, "gateway": SANDBOX})
    details = {"enabled": enabled, "standard": standard, "secrets": sorted(secrets or {})}
    target = f"gateway:{gateway}"
    await identity.audit(tx, tenant, actor=by, action="gateway.put", target=target, details=details)
    made = await one_row(tx, GatewaySetting, q.setting, {"tenant": tenant, "gateway": gateway})
    assert made is not None
    return made


async def policy(conn: Tx, tenant: int) -> Policy:
    """What the tenant does with money; the defaults where it never said."""
    found = await value(conn, q.policy, {"tenant": tenant})
    return Policy() if found is None else msgspec.convert(found, Policy)


async def put_policy(tx: Tx, tenant: int, policy: Policy, *, by: str) -> Policy:
    """Replace the policy, for what happens from now on. Audited. Raises Invalid."""
    _check_days("retry_days", policy.retry_days, 0, 60)
    _check_days("reminder_days", policy.reminder_days, -60, 365)
    now = await identities.now(tx, tenant)
    await run(tx, q.put_policy, {"tenant": tenant, "policy": _text(policy), "now": now})
    await identity.audit(
        tx, tenant, actor=by, action="payment_policy.put", target="payment_policy",
        details=msgspec.to_builtins(policy),
    )  # fmt: skip
    return policy


def _check_days(name: str, days: tuple[int, ...], least: int, most: int) -> None:
    if len(days) > 20 or any(not least <= day <= most for day in days):
        raise Invalid(name, f"must be at most 20 days, each from {least} to {most}")
    if list(days) != sorted(set(days)):
        raise Invalid(name, "must rise, and name no day twice")


def _place(gateway: str, mode: Mode) -> tuple[bool, bool, str]:
    """Where a gateway stands among those that may be the standard one."""
    return (gateway == SANDBOX) is (mode is Mode.LIVE), gateway == "manual", gateway


def _is_play(gateway: str, mode: Mode, standard: str | None) -> bool:
    return gateway == SANDBOX and mode is Mode.LIVE and standard not in (None, SANDBOX)


def _found(rows: list[GatewaySetting], name: str) -> GatewaySetting:
    for row in rows:
        if row.gateway == name:
            return row
    raise NotFound("gateway")


def _gateway(till: Till, name: str) -> Gateway:
    found = till.gateways.get(name)
    if found is None:
        raise Conflict("gateway_not_set_up", "There is no such gateway.")
    return found


def _not_set_up(gateway: str) -> Conflict:
    return Conflict("gateway_not_set_up", f"The gateway {gateway} has no secrets yet.")


async def _defaults(
    conn: Tx, till: Till, tenant: int, gateway: Gateway
) -> tuple[dict[str, Any], dict[str, str]]:
    """Options that the server's own settings give to all, and secrets, to the live tenant of its first app alone."""
    options, secrets = _own(till, gateway)
    if not secrets:
        return options, {}
    first = await identities.first_app(conn)
    who = await identities.tenant(conn, tenant)
    ours = first is not None and (who.app_id, who.mode) == (first.app_id, Mode.LIVE)
    return options, secrets if ours else {}


def _own(till: Till, gateway: Gateway) -> tuple[dict[str, Any], dict[str, str]]:
    """Options and secrets of the server's own settings."""
    said = {name: text for name, text in till.defaults.get(gateway.name, {}).items() if text}
    secrets = {name: text for name, text in said.items() if name in gateway.secret_names}
    return {name: text for name, text in said.items() if name not in secrets}, secrets


def _options_text(options: Mapping[str, Any]) -> str:
    text = _text(options)
    if len(text) > MAX_OPTIONS:
        raise Invalid("options", f"must be at most {MAX_OPTIONS} bytes of JSON")
    return text


def _text(thing: Any) -> str:
    return msgspec.json.encode(thing).decode()
