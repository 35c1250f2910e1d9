"""How a tenant takes money: its gateways with their sealed secrets, and its policy."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tallystick.db.pool import Tx, all_rows, one_row, run, value
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.kernel.actor import Mode
from tallystick.kernel.errors import Conflict, Invalid, NotFound

from .model import GatewaySetting
from .policy import Policy
from .port import Gateway, Site
from .till import Till
from .views import q

STANDARD: Final = "sandbox"
"""The gateway that is used until another is set: it needs nothing. No money moves there, so live customers may use it
only as long as no other is the standard one: they would buy with test cards."""

MAX_SECRET: Final = 500
MAX_OPTIONS: Final = 16_384
"""Bytes of a gateway's options as JSON."""
_HINT_FROM: Final = 12
"""Characters that a secret must have for its last four to be shown."""


async def site(conn: Tx, till: Till, tenant: int, gateway: str, *, even_disabled: bool = False) -> Site:
    """The tenant's account at a gateway, with its secrets open.

    ``even_disabled``: for money that is on its way already. Raises Conflict("gateway_disabled"),
    Conflict("gateway_not_set_up"), Conflict("sealed_elsewhere").
    """
    taker = _gateway(till, gateway)
    row = await one_row(conn, GatewaySetting, q.setting, {"tenant": tenant, "gateway": gateway})
    who = await identities.tenant(conn, tenant)
    if not even_disabled:
        off = row is not None and not row.enabled
        if off or _is_play(gateway, who.mode, await standard_gateway(conn, till, tenant)):
            raise Conflict("gateway_disabled", f"The gateway {gateway} is switched off.")
    options, secrets = await _defaults(conn, till, tenant, taker)
    if row is not None:
        options |= row.options
        if row.secrets is not None:
            secrets = _opened(till, row)
    if taker.secret_names and not secrets:
        raise _not_set_up(gateway)
    return Site(tenant, who.app_id, who.mode, till.public_url, options, secrets)


async def gateways(conn: Tx, till: Till, tenant: int) -> list[GatewaySetting]:
    """How the tenant uses each gateway that there is, by name. What was never put is as it works unsaid."""
    rows = {row.gateway: row for row in await all_rows(conn, GatewaySetting, q.settings, {"tenant": tenant})}
    standard = await standard_gateway(conn, till, tenant)
    now = await identities.now(conn, tenant)
    mode = (await identities.tenant(conn, tenant)).mode
    shown = []
    for name in sorted(till.gateways):
        row = rows.get(name)
        if row is None:
            options, secrets = await _defaults(conn, till, tenant, till.gateways[name])
            usable = bool(secrets) or not till.gateways[name].secret_names
            row = GatewaySetting(
                tenant=tenant, gateway=name, enabled=usable, standard=False, options=options, secrets=None,
                hints={one: _hint(text) for one, text in sorted(secrets.items())}, updated_at=now,
            )  # fmt: skip
        row.standard = name == standard
        row.enabled = row.enabled and not _is_play(name, mode, standard)
        shown.append(row)
    return shown


async def gateway(conn: Tx, till: Till, tenant: int, name: str) -> GatewaySetting:
    """Raises NotFound."""
    for found in await gateways(conn, till, tenant):
        if found.gateway == name:
            return found
    raise NotFound("gateway")


async def standard_gateway(conn: Tx, till: Till, tenant: int) -> str:
    """The gateway that is used where none is named."""
    found: str | None = await value(conn, q.standard, {"tenant": tenant})
    return STANDARD if found is None or found not in till.gateways else found


async def put_gateway(
    tx: Tx,
    till: Till,
    tenant: int,
    gateway: str,
    *,
    enabled: bool,
    standard: bool,
    options: Mapping[str, Any],
    secrets: Mapping[str, str] | None,
    by: str,
) -> GatewaySetting:
    """Say how the tenant uses a gateway. ``secrets`` of None stay; of those named an empty one is taken away.

    Audited, without the secrets. Raises Invalid, Conflict("gateway_not_set_up").
    """
    taker = _gateway(till, gateway)
    await run(tx, q.lock_settings, {"tenant": tenant})
    before = await one_row(tx, GatewaySetting, q.setting, {"tenant": tenant, "gateway": gateway})
    kept = {} if before is None or before.secrets is None else _opened(till, before)
    wanted = _merged(taker, kept, secrets)
    checked = taker.check_options(options)
    text = _options_text(checked)
    if standard and not enabled:
        raise Invalid("standard", "must not be true of a gateway that is switched off")
    mode = (await identities.tenant(tx, tenant)).mode
    if enabled and not standard and _is_play(gateway, mode, await standard_gateway(tx, till, tenant)):
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
        "secrets": till.vault.seal(_text(wanted), _context(tenant, gateway)) if wanted else None,
        "hints": _text({name: _hint(one) for name, one in sorted(wanted.items())}),
        "now": await identities.now(tx, tenant),
    }
    await run(tx, q.put_setting, values)
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


def _is_play(gateway: str, mode: Mode, standard: str) -> bool:
    return gateway == STANDARD and mode is Mode.LIVE and standard != STANDARD


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
    """Options and secrets that the server's own settings give: to the live tenant of its first app alone."""
    said = {name: text for name, text in till.defaults.get(gateway.name, {}).items() if text}
    if not said:
        return {}, {}
    first = await identities.first_app(conn)
    who = await identities.tenant(conn, tenant)
    if first is None or (who.app_id, who.mode) != (first.app_id, Mode.LIVE):
        return {}, {}
    secrets = {name: text for name, text in said.items() if name in gateway.secret_names}
    return {name: text for name, text in said.items() if name not in secrets}, secrets


def _merged(gateway: Gateway, kept: dict[str, str], said: Mapping[str, str] | None) -> dict[str, str]:
    merged = dict(kept)
    for name, text in (said or {}).items():
        if name not in gateway.secret_names:
            raise Invalid(f"secrets.{name[:63]}", "is not a secret of this gateway")
        if len(text) > MAX_SECRET or not (text.isascii() and text.isprintable()) or " " in text:
            raise Invalid(f"secrets.{name}", f"must be at most {MAX_SECRET} characters without spaces")
        if text:
            merged[name] = text
        else:
            merged.pop(name, None)
    return merged


def _options_text(options: Mapping[str, Any]) -> str:
    text = _text(options)
    if len(text) > MAX_OPTIONS:
        raise Invalid("options", f"must be at most {MAX_OPTIONS} bytes of JSON")
    return text


def _opened(till: Till, row: GatewaySetting) -> dict[str, str]:
    assert row.secrets is not None
    clear = till.vault.open(row.secrets, _context(row.tenant, row.gateway))
    return msgspec.json.decode(clear, type=dict[str, str])


def _context(tenant: int, gateway: str) -> str:
    return f"gateway:{tenant}:{gateway}"


def _hint(secret: str) -> str:
    return secret[-4:] if len(secret) >= _HINT_FROM else ""


def _text(thing: Any) -> str:
    return msgspec.json.encode(thing).decode()
