"""Paying: pages for a plan and for credits, the customer's portal, what was paid and what is to come.

Stripe's pages where the workspace's tenant takes payments with Stripe; else our own, in the same shapes.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from tallystick.dialects.appvector import bills, errors
from tallystick.dialects.appvector.asking import asked
from tallystick.dialects.appvector.consuming import MOST
from tallystick.dialects.appvector.desk import Desk, must_be
from tallystick.dialects.appvector.handlers.invoices import link
from tallystick.dialects.appvector.naming import feature_named
from tallystick.dialects.appvector.tiers import FIELDS, wanted_plan
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.asking import Asker
from tallystick.domain.identity.request_keys import Inner, in_steps, key_of
from tallystick.domain.payments import history, portal, settings
from tallystick.domain.payments.checkouts import ForAmount, ForPlan, Wanted, open_checkout
from tallystick.domain.payments.sessions import session_id
from tallystick.domain.subscriptions import previews
from tallystick.domain.subscriptions import views as subscriptions
from tallystick.http.contract import Ask
from tallystick.http.drf.fields import REQUIRED, Char, Field, Integer, read
from tallystick.http.drf.validation import ValidationFailed
from tallystick.http.hot import Reply
from tallystick.http.idempotency import check_key, headers_of
from tallystick.http.urls import check_url
from tallystick.kernel.actor import Role
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import NotFound

_ADDRESS: Final = Char(required=False, null=True, blank=True, max_length=2000)
_PLAN: Final[Mapping[str, Field]] = {
    **FIELDS,
    "success_url": _ADDRESS,
    "cancel_url": _ADDRESS,
}
_CREDITS: Final[Mapping[str, Field]] = {
    "feature_key": Char(max_length=255),
    "amount": Integer(min_value=1, max_value=MOST),
    "success_url": _ADDRESS,
    "cancel_url": _ADDRESS,
}
_RETURN: Final[Mapping[str, Field]] = {"return_url": _ADDRESS}
_LIMIT: Final[Mapping[str, Field]] = {"limit": Integer(min_value=1, max_value=100, default=10)}
_SESSION: Final = "cs"
"""What the ids of checkout sessions begin with."""


async def checkout(desk: Desk, ask: Ask) -> Reply:
    """Open a page where a plan is paid, which begins with its money."""
    who, said = await _buyer(desk, ask, _PLAN)
    if not (said.get("plan_id") or said.get("plan_tier")):
        raise ValidationFailed({"plan_id": [REQUIRED]})
    return await _opened(desk, ask, who, said, {})


async def checkout_credits(desk: Desk, ask: Ask) -> Reply:
    """Open a page where credits are paid, at the price of one times their number."""
    who, said = await _buyer(desk, ask, _CREDITS)
    return await _opened(desk, ask, who, said, {"amount": said["amount"]})


async def open_portal(desk: Desk, ask: Ask) -> Reply:
    """Open a page where the customer sees payments and keeps ways to pay."""
    who = await desk.asker(ask, ask.query.get("workspace_id"))
    must_be(who, Role.ADMIN)
    back = _address(desk, who, read(_RETURN, ask.query), "return_url")
    gateway = await _gateway(desk, who)
    url = await portal.portal_url(desk.system.till, who.tenant, who.account, back, gateway=gateway)
    return errors.said(200, {"portal_url": url})


async def payment_history(desk: Desk, ask: Ask) -> Reply:
    """Get what was paid, as the payment provider tells it, the newest first."""
    who = await desk.asker(ask, ask.query.get("workspace_id"))
    limit: int = read(_LIMIT, ask.query)["limit"]
    gateway = await _gateway(desk, who)
    rows, more = await history.paid_invoices(
        desk.system.till, who.tenant, who.account, limit=limit, gateway=gateway
    )
    return errors.said(200, {"payments": [bills.payment(row, link(desk)) for row in rows], "has_more": more})


async def upcoming_invoice(desk: Desk, ask: Ask) -> Reply:
    """Preview the invoice that the period's end will issue, by what was used so far."""
    who = await desk.asker(ask, ask.query.get("workspace_id"))
    async with desk.system.db.connection() as conn:
        held = await subscriptions.current(conn, who.tenant, who.account)
        if held is None:
            raise NotFound("upcoming invoice")
        row = await previews.upcoming(conn, who.tenant, who.account, held.id)
        days = (await settings.policy(conn, who.tenant)).retry_days
    attempt = row.issued_at + timedelta(days=days[0]) if days and row.issued_at is not None else None
    return errors.said(200, bills.upcoming(row, attempt))


async def _buyer(desk: Desk, ask: Ask, fields: Mapping[str, Field]) -> tuple[Asker, dict[str, Any]]:
    """Who buys for which workspace, and what they said. Raises what `asked`, `must_be` and `read` do."""
    who, data = await asked(desk, ask)
    must_be(who, Role.ADMIN)
    return who, read(fields, data)


async def _opened(desk: Desk, ask: Ask, who: Asker, said: dict[str, Any], more: dict[str, Any]) -> Reply:
    """Open the page, once for a key; the answer has ``more`` besides where it is."""
    key = key_of("appvector", who.account, check_key(ask.key))
    success, cancel = (_address(desk, who, said, name) for name in ("success_url", "cancel_url"))

    async def act(inner: Inner) -> dict[str, Any]:
        # looked up for a page that is new: one that was opened stays, whatever is sold since
        wanted = await _wanted(desk, who, said)
        page = await open_checkout(
            desk.system.till, who.tenant, who.account, wanted, gateway=await _gateway(desk, who),
            success_url=success, cancel_url=cancel, session=_SESSION, by=who.actor.name, key=inner,
        )  # fmt: skip
        return {"checkout_url": page.url, "session_id": session_id(page.id, page.ref, _SESSION)} | more

    done = await in_steps(
        desk.system.db, who.tenant, key, ask.digest(said), act, lambda answer: (200, answer)
    )
    return errors.said(done.status, done.body, headers_of(done.replayed))


async def _wanted(desk: Desk, who: Asker, said: Mapping[str, Any]) -> Wanted:
    """Raises NotFound, ValidationFailed."""
    if "amount" in said:
        return ForAmount(await _credit_type(desk, who, said["feature_key"]), said["amount"] * MICRO)
    async with desk.system.db.connection() as conn:
        currency = (await identity.tenant(conn, who.tenant)).currency
        return ForPlan((await wanted_plan(conn, who.tenant, currency, said, "monthly")).id)


async def _credit_type(desk: Desk, who: Asker, key: str) -> str:
    """Raises NotFound, and ValidationFailed for a feature that is not paid with credits."""
    feature = await feature_named(desk, who, key)
    if feature.credit_type is None:
        raise ValidationFailed({"feature_key": ["It is not paid with credits."]})
    return feature.credit_type


async def _gateway(desk: Desk, who: Asker) -> str:
    async with desk.system.db.connection() as conn:
        return await settings.stripe_or_other(conn, desk.system.till, who.tenant)


def _address(desk: Desk, who: Asker, said: Mapping[str, Any], name: str) -> str:
    """Where the customer may be sent, '' for none. Raises Invalid."""
    known = desk.system.settings
    return check_url(
        name, said.get(name) or None, who.actor.mode, known.public_url, known.cors_allowed_origins
    )
