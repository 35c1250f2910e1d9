"""The contract's error body and which status each fact has.

``{"success": false, "error": "...", "errors": {"field": ["..."]}, "request_id": "..."}``; ``errors`` only where fields
are wrong.
"""

from typing import Any, Final
from uuid import uuid4

import msgspec

from tallystick.http.contract import Ask
from tallystick.http.drf.bearer import CHALLENGE, refusal
from tallystick.http.drf.texts import NOT_FOUND, method_not_allowed
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

from .desk import System, asker

_WRONG: Final = "The request has fields that are wrong."


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    success: bool
    error: str
    request_id: str
    errors: dict[str, list[str]] | None = None


def reply(fact: Fact) -> Reply:
    match fact:
        case ValidationFailed():
            return error(400, _WRONG, errors=fact.errors)
        case Refused():
            return error(fact.status, fact.message)
        case Invalid():
            return error(400, _WRONG, errors={fact.field: [fact.problem]})
        case Unauthenticated():
            return error(401, refusal(fact)["detail"], headers=CHALLENGE)
        case InsufficientCredits():
            needed, available = format_credits(fact.needed), format_credits(fact.available)
            return error(402, f"Not enough credits: {needed} needed, {available} available.")
        case Forbidden():
            return error(403, fact.message)
        case NotFound():
            return error(404, NOT_FOUND)
        case Conflict():
            return error(409, fact.message)
        case KeyReused():
            return error(422, fact.message)
        case Unavailable():
            return error(503, fact.message, headers=((b"retry-after", b"%d" % fact.retry_after),))
        case _:
            return internal(fact)


def error(
    status: int, text: str, *, errors: dict[str, list[str]] | None = None, headers: Headers = ()
) -> Reply:
    return Reply(status, msgspec.json.encode(body(text, errors)), headers)


def body(text: str, errors: dict[str, list[str]] | None = None) -> ErrorBody:
    """What an error says, under an id of its own."""
    return ErrorBody(False, text, uuid4().hex, errors)


def nothing_here() -> Reply:
    return error(404, NOT_FOUND)


async def not_allowed(system: System, ask: Ask, allow: list[str]) -> Reply:
    """405 with the methods that are there, for who has a credential; as the framework behind the contract does."""
    try:
        await asker(system, ask)
    except Fact as fact:
        return reply(fact)
    return error(405, method_not_allowed(ask.method), headers=((b"allow", ", ".join(allow).encode()),))


def too_large(limit: int) -> Reply:
    return error(413, f"A body here is at most {limit} bytes.")


def card_refused() -> Reply:
    return error(400, CARD_REFUSED)


def internal(fault: Exception) -> Reply:
    """A 500, which is a bug. The log has the rest under the id."""
    return error(500, f"The server failed; its log has the reason as {crash(fault)}.")


def encode(body: Any) -> bytes:
    return msgspec.json.encode(body)
