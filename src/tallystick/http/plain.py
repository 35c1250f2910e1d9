"""The error body ``{"error": "..."}``: contracts that have it say facts with the same statuses, in their own words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

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

from .hot import Headers, Reply
from .problem import CARD_REFUSED, crash


class ErrorBody(msgspec.Struct, frozen=True):
    error: str


@dataclass(frozen=True, slots=True)
class Words:
    """What a contract calls otherwise than the domains do: objects, fields, conflicts by their code. ``unauthorized``
    is all that it says of a credential that does not do; empty: what the fact says."""

    objects: Mapping[str, str]
    fields: Mapping[str, str] = field(default_factory=dict)
    conflicts: Mapping[str, str] = field(default_factory=dict)
    unauthorized: str = ""


def reply(fact: Fact, words: Words) -> Reply:
    """A fact in the contract's words. One that no contract has a status for is a fault of ours: 500."""
    match fact:
        case Invalid():
            return error(400, f"{words.fields.get(fact.field, fact.field)} {fact.problem}".strip())
        case Unauthenticated():
            return error(401, words.unauthorized or fact.message, ((b"www-authenticate", b"Bearer"),))
        case InsufficientCredits():
            needed, available = format_credits(fact.needed), format_credits(fact.available)
            return error(402, f"Insufficient credits: {needed} needed, {available} available")
        case Forbidden():
            return error(403, fact.message)
        case NotFound():
            what = words.objects.get(fact.what, fact.what)
            return error(404, f"{what[:1].upper()}{what[1:]} not found")
        case Conflict():
            return error(409, words.conflicts.get(fact.code, fact.message))
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


def methods(allow: list[str]) -> Reply:
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
