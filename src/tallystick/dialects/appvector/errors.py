"""The framework's error bodies, ``{"detail": "..."}`` and what stands beside it, and which status each fact has."""

from typing import Any, Final

import msgspec

from tallystick.http.contract import Ask
from tallystick.http.drf.bearer import CHALLENGE, refusal
from tallystick.http.drf.texts import NOT_FOUND, PERMISSION_DENIED, method_not_allowed
from tallystick.http.drf.validation import Refused, ValidationFailed
from tallystick.http.hot import Headers, Reply
from tallystick.http.idempotency import headers_of
from tallystick.http.problem import CARD_REFUSED, crash
from tallystick.kernel.credits import floor_credits, format_credits
from tallystick.kernel.errors import (
    Conflict,
    Fact,
    Forbidden,
    GatewayUnavailable,
    InsufficientCredits,
    Invalid,
    KeyReused,
    LimitReached,
    NotFound,
    Unauthenticated,
    Unavailable,
)

from .desk import Desk

OPEN: Final = ("/api/auth/google", "/api/token/refresh", "/api/billing/plans", "/api/billing/webhooks")
"""Addresses that ask for no credential, and what lies below them."""

_NO_GATEWAY: Final = ("gateway_not_set_up", "gateway_disabled", "sealed_elsewhere")
"""Why nothing can be paid, by nobody's fault who asks for it."""


class NotConsumable(Fact):
    """A feature that is on or off: no amount of it can be used."""

    code = "not_consumable"

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} is on or off: no amount of it can be used.")


def reply(fact: Fact) -> Reply:
    match fact:
        case ValidationFailed():
            return said(400, fact.errors)
        case Refused():
            return detail(fact.status, fact.message)
        case Invalid():
            return said(400, {fact.field: [fact.problem]})
        case Unauthenticated():
            return said(401, refusal(fact), CHALLENGE)
        case InsufficientCredits():
            needed, available = format_credits(fact.needed), format_credits(fact.available)
            text = f"{needed} credits are needed, {available} are available."
            return short(fact, "Insufficient credits", text, floor_credits(fact.available))
        case LimitReached():
            return short(fact, "Limit reached", fact.message, fact.remaining)
        case NotConsumable():
            return failed(400, "Feature cannot be consumed", fact.message)
        case Forbidden():
            return detail(403, PERMISSION_DENIED)
        case NotFound():
            return detail(404, NOT_FOUND)
        case Conflict() if fact.code in _NO_GATEWAY:
            return failed(503, "Payments unavailable", fact.message)
        case Conflict():
            return detail(409, fact.message)
        case KeyReused():
            return detail(422, fact.message)
        case GatewayUnavailable():
            return failed(503, "Payment gateway unavailable", fact.message, retry_after=fact.retry_after)
        case Unavailable():
            return detail(503, fact.message, headers=((b"retry-after", b"%d" % fact.retry_after),))
        case _:
            return internal(fact)


def detail(status: int, text: str, *, headers: Headers = ()) -> Reply:
    return said(status, {"detail": text}, headers)


def failed(status: int, error: str, detail: str, *, retry_after: int | None = None) -> Reply:
    """The contract's own form, ``{"error", "detail"}``. ``retry_after`` is in seconds."""
    headers: Headers = () if retry_after is None else ((b"retry-after", b"%d" % retry_after),)
    return said(status, {"error": error, "detail": detail}, headers)


def short(fact: Fact, error: str, detail: str, remaining: int) -> Reply:
    """402: too little is left of credits, or of what a plan allows; ``remaining`` is what may still be used."""
    body = {"error": error, "detail": detail, "remaining": max(remaining, 0)}
    return said(402, body, headers_of(fact.replayed))


def app_unknown() -> Reply:
    return said(404, {"error": "App not found"})


def store_failed(failure: str) -> Reply:
    """An app store gave nothing of use: the contract's own words for what failed by it."""
    return said(500, {"error": failure})


def said(status: int, body: Any, headers: Headers = ()) -> Reply:
    return Reply(status, msgspec.json.encode(body), headers)


def nothing_here() -> Reply:
    return detail(404, NOT_FOUND)


async def not_allowed(desk: Desk, ask: Ask, allow: list[str]) -> Reply:
    """405 with the methods that are there; where a credential is wanted, it is looked at first."""
    if not (ask.path + "/").startswith(tuple(address + "/" for address in OPEN)):
        try:
            await desk.actor(ask)
        except Fact as fact:
            return reply(fact)
    header = ", ".join(allow).encode()
    return detail(405, method_not_allowed(ask.method), headers=((b"allow", header),))


def too_large(limit: int) -> Reply:
    return detail(413, f"A body here is at most {limit} bytes.")


def card_refused() -> Reply:
    return detail(400, CARD_REFUSED)


def internal(fault: Exception) -> Reply:
    """A 500, which is a bug. The log has the rest under the id."""
    return detail(500, f"The server failed; its log has the reason as {crash(fault)}.")
