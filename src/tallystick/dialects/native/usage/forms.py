"""Bodies and query parameters of usage events and meters: strict, telling every fault."""

from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, RootModel

from tallystick.dialects.native import bodies, queries
from tallystick.dialects.native.forms import (
    Account,
    Form,
    Id,
    Key,
    Metadata,
    Moment,
    QuantityOrZero,
    Reason,
    _checked,
)
from tallystick.domain.metering.items import check_event_id, check_metric
from tallystick.domain.metering.model import MAX_NAME, Aggregation
from tallystick.http.paging import DEFAULT, Limit
from tallystick.http.strict import check_text
from tallystick.kernel.errors import Invalid

MOST = 10_000
"""Events of a batch."""


def _said(check: Any) -> Any:
    """A check of the domain as one of a form."""

    def wrapped(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a string")
        try:
            return str(check("", value))
        except Invalid as fact:
            raise ValueError(fact.problem) from None

    return wrapped


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return check_text(value, MAX_NAME, shortest=1)


_NAME = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
Metric = Annotated[str, _checked(_said(check_metric), _NAME)]
EventId = Annotated[
    str, _checked(_said(check_event_id), {"type": "string", "minLength": 1, "maxLength": 255})
]
Name = Annotated[str, _checked(_name, _NAME)]


class UsageEvent(Form):
    """Something used. Sent again under the same ``event_id`` it counts once."""

    account: Account
    metric: Metric
    quantity: QuantityOrZero
    timestamp: Moment | None = Field(
        None, description="When it happened, at most 35 days ago; by default now."
    )
    event_id: EventId | None = None
    subscription: Id | None = Field(None, description="By default the account's live one.")
    metadata: Metadata | None = None


class UsageBatch(Form):
    """Events, each recorded or refused by itself."""

    events: list[UsageEvent] = Field(max_length=MOST)


class CloudData(BaseModel):
    """What else it holds is metadata, as is an object ``metadata``."""

    model_config = ConfigDict(extra="allow")

    quantity: QuantityOrZero = Field(1, description="An event without it counts as 1.")
    subscription: Id | None = Field(None, description="By default the account's live one.")
    metadata: Metadata | None = None


class CloudEvent(BaseModel):
    """A usage event as a CloudEvent 1.0 in JSON. ``source`` and ``id`` together are its event id."""

    model_config = ConfigDict(extra="allow")

    specversion: Literal["1.0"]
    id: Key
    source: Key
    type: Metric = Field(description="The metric.")
    subject: Account
    time: Moment | None = Field(None, description="When it happened, at most 35 days ago; by default now.")
    data: CloudData | None = None


class CloudEvents(RootModel[list[CloudEvent]]):
    """CloudEvents, each recorded or refused by itself."""

    root: list[CloudEvent] = Field(max_length=MOST)


class Envelope(Form):
    """A batch whose events are looked at one by one."""

    events: list[Any] = Field(max_length=MOST)


class UsagePatch(Form):
    """What the event should have said, and why."""

    quantity: QuantityOrZero
    reason: Reason


class Filter(Form):
    """Passes events whose metadata field is one of these values (numbers and booleans as text)."""

    field: Name
    in_: list[str] = Field(alias="in", min_length=1, max_length=100)


class NewMeter(Form):
    """What is made of a metric's events. What it measures never changes."""

    key: Key
    metric: Metric
    aggregation: Aggregation
    name: Name | None = None
    field: Name | None = Field(
        None,
        description="The metadata field whose values `unique` tells apart; for the others the value itself, "
        "instead of the quantity.",
    )
    filters: list[Filter] | None = Field(None, max_length=10)
    group_by: list[Name] | None = Field(None, max_length=10)


class MeterPatch(Form):
    name: Name | None = None
    group_by: list[Name] | None = Field(None, max_length=10)


class Event(bodies.Body, kw_only=True):
    """An event as msgspec reads it."""

    account: str
    metric: str
    quantity: bodies.Number
    timestamp: str | None = None
    event_id: str | None = None
    subscription: str | None = None
    metadata: dict[str, Any] | None = None


class _Whole(msgspec.Struct, forbid_unknown_fields=True):
    events: Annotated[list[Event], msgspec.Meta(max_length=MOST)]


class _Raw(msgspec.Struct, forbid_unknown_fields=True):
    events: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MOST)]


decode_event = msgspec.json.Decoder(Event).decode
decode_whole = msgspec.json.Decoder(_Whole).decode
decode_raw = msgspec.json.Decoder(_Raw).decode


class EventsQuery(queries.Query):
    limit: Limit = DEFAULT
    cursor: Key | None = Field(None, description="The `next_cursor` of the page before.")
    metric: Metric | None = None
    subscription: Id | None = None
    start: Moment | None = Field(None, alias="from", description="Happened at or after this moment.")
    end: Moment | None = Field(None, alias="to", description="Happened before this moment.")


class DeleteQuery(queries.Query):
    reason: Reason


class MetersQuery(queries.Listed):
    metric: Metric | None = None


class MeterQuery(queries.Query):
    account: Account
    start: Moment = Field(alias="from")
    end: Moment = Field(alias="to")
    window: Literal["hour", "day", "month"] = "day"
    time_zone: Id | None = Field(None, description="By default the account's.")
    group_by: list[Name] = Field([], max_length=10)
