"""The contract's error body, ``{"error": {"code", "message"}}``, and which status each fact has."""

import msgspec

from tallystick.http.contract import Ask
from tallystick.http.hot import Headers, Reply
from tallystick.http.problem import CARD_REFUSED, crash
from tallystick.kernel.errors import Fact, Invalid, NotFound, Unauthenticated, Unavailable

from .desk import Desk


class Error(msgspec.Struct, frozen=True):
    code: str
    message: str


class ErrorBody(msgspec.Struct, frozen=True):
    error: Error


def reply(fact: Fact) -> Reply:
    match fact:
        case Invalid():
            return error(400, fact.code, fact.message)
        case Unauthenticated():
            return error(401, fact.code, fact.message, ((b"www-authenticate", b"Bearer"),))
        case NotFound():
            return error(404, fact.code, fact.message)
        case Unavailable():
            return error(503, "unavailable", fact.message, ((b"retry-after", b"%d" % fact.retry_after),))
        case _:
            return internal(fact)


def error(status: int, code: str, message: str, headers: Headers = ()) -> Reply:
    return Reply(status, msgspec.json.encode(ErrorBody(Error(code, message))), headers)


def nothing_here() -> Reply:
    return error(404, "not_found", "There is nothing at this address.")


async def not_allowed(desk: Desk, ask: Ask, allow: list[str]) -> Reply:
    """405 with the methods that are there."""
    header = ", ".join(allow)
    return error(405, "method_not_allowed", f"This address answers {header}.", ((b"allow", header.encode()),))


def card_refused() -> Reply:
    return error(400, "card_number", CARD_REFUSED)


def internal(fault: Exception) -> Reply:
    """A 500, which is a bug. The log has the rest under the id."""
    return error(500, "internal_error", f"The server failed; its log has the reason as {crash(fault)}.")
