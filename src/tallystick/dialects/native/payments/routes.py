"""Checkouts, payments, ways to pay, refunds, disputes and the gateways' settings."""

from typing import Final

from tallystick.dialects.native.table import Cold

from . import checkouts, payments, refunds, shapes, site_shapes, sites

_T: Final = "Payments"
_G: Final = "Payment settings"

# fmt: off
ROUTES: Final[list[Cold]] = [
    Cold("POST", "/v2/checkouts", checkouts.create_checkout, 201, shapes.Checkout, _T),
    Cold("GET", "/v2/checkouts", checkouts.list_checkouts, 200, shapes.Checkout, _T, listed=True),
    Cold("GET", "/v2/checkouts/{checkout}", checkouts.read_checkout, 200, shapes.Checkout, _T),
    Cold("POST", "/v2/checkouts/{checkout}/expire", checkouts.expire_open_checkout, 200, shapes.Checkout, _T),
    Cold("POST", "/v2/portal-sessions", checkouts.create_portal_session, 201, site_shapes.PortalSession, _T),

    Cold("POST", "/v2/payments", payments.create_payment, 201, shapes.Payment, _T),
    Cold("GET", "/v2/payments", payments.list_payments, 200, shapes.Payment, _T, listed=True),
    Cold("GET", "/v2/payments/{payment}", payments.read_payment, 200, shapes.Payment, _T),
    Cold("POST", "/v2/payments/{payment}/approve", payments.approve_payment, 200, shapes.Payment, _T),
    Cold("POST", "/v2/payments/{payment}/reject", payments.reject_payment, 200, shapes.Payment, _T),
    Cold("GET", "/v2/accounts/{account}/payment-methods", payments.list_payment_methods, 200, shapes.PaymentMethod, _T,
         listed=True),
    Cold("DELETE", "/v2/accounts/{account}/payment-methods/{method}", payments.delete_payment_method, 200,
         shapes.PaymentMethod, _T),
    Cold("POST", "/v2/accounts/{account}/payment-methods/{method}/default", payments.make_payment_method_default, 200,
         shapes.PaymentMethod, _T),
    Cold("GET", "/v2/accounts/{account}/payment-history", checkouts.read_payment_history, 200,
         site_shapes.PaymentHistory, _T),

    Cold("POST", "/v2/refunds", refunds.create_refund, 201, shapes.Refund, _T),
    Cold("GET", "/v2/refunds", refunds.list_refunds, 200, shapes.Refund, _T, listed=True),
    Cold("GET", "/v2/refunds/{refund}", refunds.read_refund, 200, shapes.Refund, _T),
    Cold("POST", "/v2/refunds/{refund}/retry", refunds.retry_refund, 201, shapes.Refund, _T),
    Cold("POST", "/v2/refunds/{refund}/complete", refunds.complete_refund, 200, shapes.Refund, _T),
    Cold("GET", "/v2/disputes", refunds.list_disputes, 200, shapes.Dispute, _T, listed=True),
    Cold("GET", "/v2/disputes/{dispute}", refunds.read_dispute, 200, shapes.Dispute, _T),
    Cold("POST", "/v2/disputes/{dispute}/close", refunds.close_dispute, 200, shapes.Dispute, _T),

    Cold("GET", "/v2/gateways", sites.list_gateways, 200, site_shapes.Gateway, _G, listed=True),
    Cold("GET", "/v2/gateways/{gateway}", sites.read_gateway, 200, site_shapes.Gateway, _G),
    Cold("PUT", "/v2/gateways/{gateway}", sites.put_gateway, 200, site_shapes.Gateway, _G),
    Cold("GET", "/v2/payment-policy", sites.read_payment_policy, 200, site_shapes.PaymentPolicy, _G),
    Cold("PUT", "/v2/payment-policy", sites.put_payment_policy, 200, site_shapes.PaymentPolicy, _G),
]
# fmt: on
