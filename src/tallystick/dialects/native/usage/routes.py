"""Usage events and meters."""

from typing import Final

from tallystick.dialects.native import openapi
from tallystick.dialects.native.table import Cold, Hot, Media

from . import cloudevents, forms, handlers, recording, shapes

_EVENT: Final = {"account": "ext:customer-1", "metric": "api_calls", "quantity": 100, "event_id": "request-7"}
_CLOUD: Final = {
    "specversion": "1.0",
    "id": "request-8",
    "source": "/api",
    "type": "api_calls",
    "subject": "ext:customer-1",
    "data": {"quantity": 100},
}
_ALSO: Final = (
    Media(cloudevents.SINGLE.decode(), forms.CloudEvent, _CLOUD),
    Media(cloudevents.BATCH.decode(), forms.CloudEvents, [_CLOUD]),
)

_AGAIN: Final = {
    200: openapi.answer(
        shapes.UsageRecorded | shapes.UsageResults,
        "Recorded before; or the results of a batch of CloudEvents.",
    )
}

# fmt: off
HOT: Final[list[Hot]] = [
    Hot("POST", "/v2/usage", recording.create_usage, 201, forms.UsageEvent, shapes.UsageRecorded, _EVENT, "Usage",
        also=_ALSO, others=_AGAIN),
    Hot("POST", "/v2/usage/batch", recording.create_usage_batch, 200, forms.UsageBatch, shapes.UsageResults,
        {"events": [_EVENT]}, "Usage", limit=16 << 20, also=_ALSO),
]

ROUTES: Final[list[Cold]] = [
    Cold("GET", "/v2/accounts/{account}/usage", handlers.list_usage, 200, shapes.UsageEventRow, "Usage", listed=True),
    Cold("GET", "/v2/usage/{event}", handlers.read_usage, 200, shapes.UsageEventWhole, "Usage"),
    Cold("PATCH", "/v2/usage/{event}", handlers.correct_usage, 200, shapes.UsageEventWhole, "Usage"),
    Cold("DELETE", "/v2/usage/{event}", handlers.delete_usage, 200, shapes.UsageEventWhole, "Usage"),
    Cold("POST", "/v2/meters", handlers.create_meter, 201, shapes.Meter, "Usage"),
    Cold("GET", "/v2/meters", handlers.list_meters, 200, shapes.Meter, "Usage", listed=True),
    Cold("GET", "/v2/meters/{meter}", handlers.read_meter, 200, shapes.Meter, "Usage"),
    Cold("PATCH", "/v2/meters/{meter}", handlers.patch_meter, 200, shapes.Meter, "Usage"),
    Cold("DELETE", "/v2/meters/{meter}", handlers.delete_meter, 200, shapes.Meter, "Usage"),
    Cold("GET", "/v2/meters/{meter}/query", handlers.query_meter, 200, shapes.Readings, "Usage"),
]
# fmt: on
