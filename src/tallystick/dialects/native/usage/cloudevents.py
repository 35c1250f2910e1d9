"""CloudEvents 1.0 in JSON (structured mode) as usage events.

``subject`` is the account, ``type`` the metric, ``time`` the timestamp; ``source`` and ``id`` together are the event
id. ``data`` has the ``quantity`` (1 when absent), perhaps a ``subscription``, and the metadata: an object
``metadata``, or whatever else it holds.
"""

from typing import Any, Final

from tallystick.http.problem import FieldError

from .forms import Event

SINGLE: Final = b"application/cloudevents+json"
BATCH: Final = b"application/cloudevents-batch+json"

_OWN: Final = ("quantity", "subscription", "metadata")
_NAMES: Final = {
    "account": "subject",
    "metric": "type",
    "timestamp": "time",
    "event_id": "id",
    "quantity": "data.quantity",
    "subscription": "data.subscription",
    "metadata": "data",
}
"""What a field of ours is called in a CloudEvent."""


def media_of(content_type: bytes) -> bytes:
    """The media type without its parameters."""
    return content_type.partition(b";")[0].strip().lower()


def name_of(field: str) -> str:
    """The CloudEvent's name of a field of ours: ``metadata.x`` is in its data."""
    first, dot, rest = field.partition(".")
    return _NAMES.get(first, first) + dot + rest


def read(value: object) -> Event | list[FieldError]:
    """The event that a CloudEvent says, its values still unchecked; or what is wrong with its envelope."""
    if not isinstance(value, dict):
        return [FieldError("", "must be a JSON object")]
    faults = []
    if value.get("specversion") != "1.0":
        faults.append(FieldError("specversion", 'must be "1.0"'))
    for name in ("id", "source", "type", "subject"):
        text = value.get(name)
        if text is None:
            faults.append(FieldError(name, "is required"))
        elif not isinstance(text, str) or not text:
            faults.append(FieldError(name, "must be a string that is not empty"))
    source = value.get("source")
    if isinstance(source, str) and any(char.isspace() for char in source):
        faults.append(FieldError("source", "must be a URI reference"))
    if not isinstance(value.get("time"), str | None):
        faults.append(FieldError("time", "must be a string"))
    media = value.get("datacontenttype")
    if not isinstance(media, str | None) or (
        media is not None and not media.partition(";")[0].strip().lower().endswith(("/json", "+json"))
    ):
        faults.append(FieldError("datacontenttype", "must be a JSON media type"))
    if "data_base64" in value:
        faults.append(FieldError("data_base64", "must not be given: data is a JSON object"))
    data = value.get("data")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        faults.append(FieldError("data", "must be a JSON object"))
        return faults
    subscription, metadata = data.get("subscription"), data.get("metadata")
    if not isinstance(subscription, str | None):
        faults.append(FieldError("data.subscription", "must be a string"))
    if faults:
        return faults
    rest = {name: one for name, one in data.items() if name not in _OWN}
    if isinstance(metadata, dict):
        rest = metadata | rest
    elif metadata is not None:
        rest["metadata"] = metadata
    quantity: Any = data.get("quantity")
    return Event(
        account=value["subject"],
        metric=value["type"],
        quantity=1 if quantity is None else quantity,
        timestamp=value.get("time"),
        # a URI reference holds no space, so that the two can be told apart
        event_id=f"{value['source']} {value['id']}",
        subscription=subscription,
        metadata=rest or None,
    )
