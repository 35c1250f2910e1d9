"""The framework's error bodies, ``{"detail": "..."}`` and what stands beside it, and which status each fact has."""

from typing import Any, Final

import msgspec

from tallystick.http.contract import Ask
from tallystick.http.drf.bearer import CHALLENGE, refusal
from tallystick.http.drf.texts import NOT_FOUND, PERMISSION_DENIED, method_not_allowed
from tallystick.http.drf.validation import Refused, ValidationFailed
from tallystick.http.hot import Headers, Reply
from tallystick.http.problem import CARD_REFUSED, crash
from tallystick.kernel.credits import format_credits
from tallystick.kernel.errors import (
    Conflict,
    Fact,
    Forbidden,
    InsufficientCredits,
    Invalid,
    KeyReused,
    NotFound,
    Unauthenticated,
    Unavailable,
)

from .desk import Desk

OPEN: Final = ("/api/auth/google", "/api/token/refresh", "/api/billing/plans", "/api/billing/webhooks")
"""Addresses that ask for no credential, and what lies below them."""


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
            return failed(402, "Insufficient credits", text)
        case Forbidden():
            return detail(403, PERMISSION_DENIED)
        case NotFound():
            return detail(404, NOT_FOUND)
        case Conflict():
            return detail(409, fact.message)
        case KeyReused():
            return detail(422, fact.message)
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
