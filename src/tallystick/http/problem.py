"""Errors as problem+json (RFC 9457). Which fact is which problem, a dialect decides; here is the form.

{"type": "about:blank", "title", "status", "code", "detail", "errors": [{"field", "message"}], ...}
"""

import uuid
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec
import structlog

from .hot import PROBLEM, Headers, Reply

log = structlog.get_logger()

_encode: Final = msgspec.json.Encoder().encode


class FieldError(NamedTuple):
    """What is wrong with one field of a request; "" stands for the whole of it."""

    field: str
    message: str


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[FieldError] | None = None,
    headers: Headers = (),
    **more: Any,
) -> Reply:
    """A problem as a reply; ``more`` are further members."""
    return Reply(status, _encode(body_of(status, code, detail, errors=errors, **more)), headers, PROBLEM)


def body_of(
    status: int, code: str, detail: str, *, errors: list[FieldError] | None = None, **more: Any
) -> dict[str, Any]:
    """A problem's body, for where it stands inside another."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if errors is not None:
        body["errors"] = [error._asdict() for error in errors]
    return body | more


def not_found(detail: str = "There is nothing at this address.") -> Reply:
    return problem(404, "not_found", detail)


def too_large(limit: int) -> Reply:
    return problem(413, "body_too_large", f"A body here is at most {limit} bytes.")


CARD_REFUSED: Final = "A request must not have a card number; this one was not read further, nor kept."
"""What every contract says of a card number, in its own error body."""


def card_refused() -> Reply:
    return problem(422, "card_number", CARD_REFUSED)


def not_allowed(allow: list[str]) -> Reply:
    """405 with the methods that are there."""
    header = ", ".join(allow)
    detail = f"This address answers {header}."
    return problem(405, "method_not_allowed", detail, headers=((b"allow", header.encode()),))


def crash(error: Exception) -> str:
    """Log an error of ours under a new id, and give the id: what a 500 may say of it."""
    fault = uuid.uuid4().hex
    log.error("request failed", fault=fault, exc_info=error)
    return fault


def internal(error: Exception) -> Reply:
    """A 500, which is a bug. The log has the rest under the id."""
    fault = crash(error)
    return problem(
        500, "internal_error", f"The server failed; its log has the reason as {fault}.", fault=fault
    )
