"""Errors as providers read them, if at all: ``{"error": ...}``. Anything but 200 makes them send again."""

import msgspec

from tallystick.http.hot import Headers, Reply
from tallystick.http.problem import crash
from tallystick.kernel.errors import Fact, NotFound, Unavailable


def error(status: int, message: str, headers: Headers = ()) -> Reply:
    return Reply(status, msgspec.json.encode({"error": message}), headers)


def reply(fact: Fact) -> Reply:
    match fact:
        case NotFound():
            return error(404, fact.message)
        case Unavailable():
            return error(503, fact.message, ((b"retry-after", b"%d" % fact.retry_after),))
        case _:
            return internal(fact)


def internal(fault: Exception) -> Reply:
    """A 500, which is a bug. The log has the rest under the id."""
    return error(500, f"The server failed; its log has the reason as {crash(fault)}.")
