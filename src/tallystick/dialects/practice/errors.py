"""The contract's error body, ``{"error": "..."}``, and which status each fact has."""

import msgspec

from tallystick.http.contract import Ask
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

_OBJECTS = {"account": "practice"}


class ErrorBody(msgspec.Struct, frozen=True):
    error: str


def reply(fact: Fact) -> Reply:
    match fact:
        case Invalid():
            return error(400, f"{fact.field} {fact.problem}".strip())
        case Unauthenticated():
            return error(401, fact.message, ((b"www-authenticate", b"Bearer"),))
        case InsufficientCredits():
            needed, available = format_credits(fact.needed), format_credits(fact.available)
            return error(402, f"Insufficient credits: {needed} needed, {available} available")
        case Forbidden():
            return error(403, fact.message)
        case NotFound():
            what = _OBJECTS.get(fact.what, fact.what)
            return error(404, f"{what[:1].upper()}{what[1:]} not found")
        case Conflict():
            return error(409, fact.message)
        case KeyReused():
            return error(422, fact.message)
        case Unavailable():
            return error(503, fact.message, ((b"retry-after", b"%d" % fact.retry_after),))
        case _:
            return internal(fact)


def error(status: int, message: str, headers: Headers = ()) -> Reply:
    return Reply(status, msgspec.json.encode(ErrorBody(message.removesuffix("."))), headers)


def nothing_here() -> Reply:
    return error(404, "There is nothing at this address")


async def not_allowed(desk: Desk, ask: Ask, allow: list[str]) -> Reply:
    """405 with the methods that are there."""
    header = ", ".join(allow)
    return error(405, f"This address answers {header}", ((b"allow", header.encode()),))


def too_large(limit: int) -> Reply:
    return error(413, f"A body here is at most {limit} bytes")


def card_refused() -> Reply:
    return error(400, CARD_REFUSED)


def internal(fault: Exception) -> Reply:
    """A 500, which is a bug. The log has the rest under the id."""
    return error(500, f"The server failed; its log has the reason as {crash(fault)}")
