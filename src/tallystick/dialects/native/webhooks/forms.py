"""The bodies and queries of webhook endpoints, deliveries, events and e-mail."""

from typing import Annotated, Final, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from tallystick.dialects.native.forms import Account, Form, Id, Moment
from tallystick.dialects.native.queries import Listed
from tallystick.dialects.native.texts import line
from tallystick.domain.events.model import TYPES
from tallystick.domain.webhooks.model import MAX_DESCRIPTION, MAX_OVERLAP, MAX_URL

_FILTER: Final = "Event types, groups such as `invoice.*`, or `*` for every event."
_DAY: Final = 86_400


def _known(value: object) -> str:
    if not isinstance(value, str) or value not in TYPES:
        raise ValueError("must be an event type, such as invoice.paid")
    return value


Url = Annotated[
    str,
    *line(MAX_URL, 1),
    Field(description="https, and a public host.", examples=["https://example.com/webhooks"]),
]
Types = Annotated[
    list[Annotated[str, *line(100, 1)]],
    Field(min_length=1, max_length=100, description=_FILTER, examples=[["invoice.*", "credits.low_balance"]]),
]
Note = Annotated[str, *line(MAX_DESCRIPTION)]

EventType = Annotated[str, PlainValidator(_known), WithJsonSchema({"type": "string", "enum": list(TYPES)})]


class NewEndpoint(Form):
    """``ordered``: the events of one customer go one after another, and wait for one that is tried again."""

    url: Url
    types: Types = Field(default_factory=lambda: ["*"])
    description: Note = ""
    ordered: bool = False
    enabled: bool = True


class EndpointPatch(Form):
    """What is absent stays."""

    url: Url | None = None
    types: Types | None = None
    description: Note | None = None
    ordered: bool | None = None
    enabled: bool | None = None


class Rotate(Form):
    """For ``overlap_seconds`` the secret before signs as well."""

    overlap_seconds: Annotated[int, Field(ge=0, le=MAX_OVERLAP)] = _DAY


class Nothing(Form):
    """Nothing need be said."""


class ReplaySpan(Form):
    """Events recorded at or after ``from`` and before ``to``; with ``only_failed`` those that were sent in vain."""

    start: Moment = Field(alias="from")
    end: Moment = Field(alias="to")
    types: Types | None = None
    only_failed: bool = False


class EventsQuery(Listed):
    type: EventType | None = None
    account: Account | None = None
    start: Moment | None = Field(None, alias="from", description="Recorded at or after this moment.")
    end: Moment | None = Field(None, alias="to", description="Recorded before this moment.")


class DeliveriesQuery(Listed):
    endpoint: Id | None = None
    event: Id | None = None
    type: EventType | None = None
    status: Literal["pending", "succeeded", "failed", "cancelled"] | None = None


class EmailsQuery(Listed):
    account: Account | None = None
    status: Literal["queued", "sent", "failed"] | None = None
