"""Webhook endpoints and deliveries as data, and the pure checks of their fields. Times are the machine's, in UTC."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, TypedDict
from urllib.parse import urlsplit
from uuid import UUID

from tallystick.domain.events.model import TYPES
from tallystick.kernel.errors import Invalid

from .addresses import is_public

Status = Literal["pending", "succeeded", "failed", "cancelled"]
DisabledReason = Literal["manual", "failing", "gone"]

MAX_ENDPOINTS: Final = 50
"""Endpoints of a tenant."""
MAX_URL: Final = 2048
MAX_DESCRIPTION: Final = 500
MAX_OVERLAP: Final = 7 * 86_400
"""Seconds for which a replaced secret may still sign."""
MAX_REPLAY: Final = 10_000
"""Events that one replay takes."""

GROUPS: Final = frozenset(name.partition(".")[0] + ".*" for name in TYPES)

_URL: Final = re.compile(r"[!-\[\]-~]+", re.ASCII)  # printable, without space and backslash
_HOST: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_.])?", re.ASCII)


@dataclass(slots=True)
class Endpoint:
    """Where a tenant's events go. Its secrets are not here.

    ``failing_since`` is when the first of nothing but failures came back, and ``failures`` how many did since.
    """

    tenant: int
    id: UUID
    url: str
    description: str
    types: list[str]
    ordered: bool
    enabled: bool
    previous_until: datetime | None
    failing_since: datetime | None
    failures: int
    disabled_at: datetime | None
    disabled_reason: DisabledReason | None
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class Receiver:
    """What of an endpoint decides which events go there."""

    tenant: int
    id: UUID
    types: list[str]
    ordered: bool


class EndpointChanges(TypedDict, total=False):
    """What of an endpoint may be changed; what is absent stays."""

    url: str
    description: str
    types: Sequence[str]
    ordered: bool
    enabled: bool


@dataclass(slots=True)
class Delivery:
    """An event on its way to an endpoint. ``waiting``: an earlier one of its customer goes first.

    ``due_at`` is when it is tried next, or while it is ``in_flight`` when it is taken for lost.
    """

    tenant: int
    place: int
    id: UUID
    endpoint: UUID
    event: UUID
    event_type: str
    status: Status
    waiting: bool
    in_flight: bool
    attempts: int
    last_status: int | None
    last_error: str | None
    due_at: datetime | None
    created_at: datetime
    ended_at: datetime | None

    @property
    def next_at(self) -> datetime | None:
        """When it is tried again; None when it is not, is being sent, or waits for another."""
        return None if self.waiting or self.in_flight else self.due_at


@dataclass(slots=True)
class Attempt:
    """One try, and what came back. ``error`` is a `port.Fault`, or ``http_error`` for an answer that is no success."""

    number: int
    at: datetime
    url: str
    request_headers: list[list[str]]
    status: int | None
    response_headers: list[list[str]]
    response_body: str
    error: str | None
    detail: str
    duration_ms: int


@dataclass(slots=True)
class Claimed:
    """A delivery that is to be sent now, and where to. ``secret``s are sealed."""

    tenant: int
    place: int
    id: UUID
    endpoint: UUID
    event_place: int
    event: UUID
    event_type: str
    account: int | None
    ordered: bool
    attempt: int
    failures: int
    url: str
    secret: bytes = field(repr=False)
    previous_secret: bytes | None = field(repr=False)


def is_wanted(type: str, types: Collection[str]) -> bool:
    """Whether a filter lets events of this type through."""
    return "*" in types or type in types or type.partition(".")[0] + ".*" in types


def check_types(types: Sequence[str]) -> list[str]:
    """A filter: event types, groups such as ``invoice.*``, or ``*``; without doubles. Raises Invalid."""
    if not types:
        raise Invalid("types", 'must not be empty; ["*"] takes every event')
    for at, name in enumerate(types):
        if name != "*" and name not in TYPES and name not in GROUPS:
            raise Invalid(f"types.{at}", "is not an event type; use one such as invoice.paid, invoice.* or *")
    return list(dict.fromkeys(types))


def check_url(url: str, *, allow_private: bool) -> str:
    """The address of a receiver. What its name resolves to is looked at each time it is sent to. Raises Invalid.

    ``allow_private`` is the setting for development: private addresses are taken, and plain http.
    """

    def wrong(message: str) -> Invalid:
        return Invalid("url", message)

    if len(url) > MAX_URL or _URL.fullmatch(url) is None:
        raise wrong(f"must be an address of at most {MAX_URL} characters, percent-encoded where needed")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong("must be an address such as https://example.com/webhooks") from None
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise wrong("must begin with https://")
    if parts.username is not None or parts.password is not None:
        raise wrong("must hold no user name or password")
    if "#" in url:
        raise wrong("must have no fragment")
    host = parts.hostname or ""
    literal = ":" in host or host.replace(".", "").isdigit()
    if port == 0 or not (literal or _HOST.fullmatch(host)):
        raise wrong("must name a host, such as https://example.com/webhooks")
    if not allow_private and (host.rstrip(".").endswith("localhost") or (literal and not is_public(host))):
        raise wrong("must not lead to a private address")
    return url


def shown_headers(headers: Sequence[tuple[str, str]], hidden: Collection[str]) -> list[list[str]]:
    """Headers as they are kept: at most fifty, cut, and without the values that nobody is to read later."""
    return [
        [name[:200], "(hidden)" if name.lower() in hidden else value[:1000].replace("\0", "")]
        for name, value in headers[:50]
    ]


def shown_body(body: bytes, most: int) -> str:
    """The beginning of a body as text that can be stored."""
    return body[:most].decode("utf-8", "replace").replace("\0", "")
