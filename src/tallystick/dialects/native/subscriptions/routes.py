"""Subscriptions, entitlements."""

from typing import Final

from tallystick.dialects.native.invoices.shapes import Invoice
from tallystick.dialects.native.table import Cold

from . import entitlements, handlers, reading, shapes
from .feature_shapes import Entitlement, FeatureUse

_T: Final = "Subscriptions"
_E: Final = "Entitlements"
_ONE: Final = "/v2/subscriptions/{subscription}"

# fmt: off
ROUTES: Final[list[Cold]] = [
    Cold("POST", "/v2/subscriptions", handlers.create_subscription, 201, shapes.SubscriptionChanged, _T),
    Cold("GET", "/v2/subscriptions", handlers.list_subscriptions, 200, shapes.Subscription, _T, listed=True),
    Cold("GET", _ONE, reading.read_subscription, 200, shapes.Subscription, _T),
    Cold("PATCH", _ONE, handlers.patch_subscription, 200, shapes.SubscriptionChanged, _T),
    Cold("POST", _ONE + "/change", handlers.change_subscription, 200, shapes.SubscriptionChanged, _T),
    Cold("DELETE", _ONE + "/change", handlers.revoke_change, 200, shapes.SubscriptionChanged, _T),
    Cold("POST", _ONE + "/change/preview", handlers.preview_change, 200, shapes.ChangePreview, _T),
    Cold("POST", _ONE + "/cancel", handlers.cancel_subscription, 200, shapes.SubscriptionChanged, _T),
    Cold("DELETE", _ONE + "/cancel", handlers.revoke_cancel, 200, shapes.SubscriptionChanged, _T),
    Cold("POST", _ONE + "/pause", handlers.pause_subscription, 200, shapes.SubscriptionChanged, _T),
    Cold("POST", _ONE + "/resume", handlers.resume_subscription, 200, shapes.SubscriptionChanged, _T),
    Cold("GET", _ONE + "/changes", reading.list_changes, 200, shapes.SubscriptionEvent, _T, listed=True),
    Cold("GET", _ONE + "/upcoming-invoice", reading.read_upcoming_invoice, 200, Invoice, _T),
    Cold("GET", _ONE + "/allowances", reading.list_allowances, 200, shapes.AllowancePeriod, _T, listed=True),

    Cold("GET", "/v2/accounts/{account}/entitlements", entitlements.list_entitlements, 200, Entitlement, _E,
         listed=True),
    Cold("GET", "/v2/accounts/{account}/entitlements/{feature}", entitlements.read_entitlement, 200, Entitlement, _E),
    Cold("POST", "/v2/features/check", entitlements.check_feature, 200, Entitlement, _E),
    Cold("POST", "/v2/features/consume", entitlements.consume_feature, 200, FeatureUse, _E, more=("402",)),
    Cold("POST", "/v2/features/release", entitlements.release_feature, 200, FeatureUse, _E),
]
# fmt: on
