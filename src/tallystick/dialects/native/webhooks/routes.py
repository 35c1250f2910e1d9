"""Events, webhook endpoints, deliveries and e-mail."""

from typing import Final

from tallystick.dialects.native.table import Cold

from . import handlers, outbox, shapes

_T: Final = "Webhooks"

# fmt: off
ROUTES: Final[list[Cold]] = [
    Cold("GET", "/v2/events", outbox.list_events, 200, shapes.Event, _T, listed=True),
    Cold("GET", "/v2/events/{event}", outbox.read_event, 200, shapes.Event, _T),
    Cold("GET", "/v2/event-types", outbox.list_event_types, 200, shapes.EventKind, _T, listed=True),

    Cold("GET", "/v2/webhook-endpoints", handlers.list_webhook_endpoints, 200, shapes.WebhookEndpoint, _T, listed=True),
    Cold("POST", "/v2/webhook-endpoints", handlers.create_webhook_endpoint, 201, shapes.WebhookEndpoint, _T),
    Cold("GET", "/v2/webhook-endpoints/{endpoint}", handlers.read_webhook_endpoint, 200, shapes.WebhookEndpoint, _T),
    Cold("PATCH", "/v2/webhook-endpoints/{endpoint}", handlers.patch_webhook_endpoint, 200, shapes.WebhookEndpoint, _T),
    Cold("DELETE", "/v2/webhook-endpoints/{endpoint}", handlers.delete_webhook_endpoint, 200,
         shapes.DeletedWebhookEndpoint, _T),
    Cold("POST", "/v2/webhook-endpoints/{endpoint}/rotate-secret", handlers.rotate_webhook_secret, 200,
         shapes.WebhookEndpoint, _T),
    Cold("POST", "/v2/webhook-endpoints/{endpoint}/test", handlers.try_webhook_endpoint, 201,
         shapes.WebhookDelivery, _T),
    Cold("POST", "/v2/webhook-endpoints/{endpoint}/replay", handlers.replay_webhook_endpoint, 200,
         shapes.Replayed, _T),
    Cold("GET", "/v2/webhook-deliveries", handlers.list_webhook_deliveries, 200, shapes.WebhookDelivery, _T,
         listed=True),
    Cold("GET", "/v2/webhook-deliveries/{delivery}", handlers.read_webhook_delivery, 200,
         shapes.WebhookDeliveryWithLog, _T),
    Cold("POST", "/v2/webhook-deliveries/{delivery}/replay", handlers.replay_webhook_delivery, 200,
         shapes.WebhookDelivery, _T),

    Cold("GET", "/v2/emails", outbox.list_emails, 200, shapes.Email, _T, listed=True),
    Cold("GET", "/v2/emails/{email}", outbox.read_email, 200, shapes.Email, _T),
]
# fmt: on
