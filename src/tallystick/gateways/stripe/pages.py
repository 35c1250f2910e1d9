"""The pages that Stripe shows for us: Checkout Sessions."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.domain.payments.port import CheckoutAsked, Site
from tallystick.kernel.actor import Mode
from tallystick.kernel.ids import typeid

from . import seeing
from .amounts import to_stripe

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams

_SKEW: Final = timedelta(minutes=5)
"""Stripe takes no session that ends more than 24 hours from now, by its own clock."""


def done(site: Site) -> str:
    """Where customers come back from their bank's page."""
    return f"{site.public_url}/pay/done"


def checkout_form(site: Site, asked: CheckoutAsked, customer: str) -> "SessionCreateParams":
    """The page's form: the same for the same checkout whenever it is sent, as the key wants it."""
    ours = seeing.marks(checkout=asked.checkout, payment=asked.payment, account=asked.customer.uuid)
    named = typeid("co", asked.checkout)
    made: SessionCreateParams = {
        "customer": customer,
        "client_reference_id": named,
        "metadata": ours,
        # our own page looks what became of Stripe's, since the customer may be faster than its event
        "success_url": asked.success_url or f"{site.public_url}/pay/{named}/{asked.token}/done",
    }
    if asked.cancel_url:
        made["cancel_url"] = asked.cancel_url
    # a test clock's hour says nothing to Stripe, which ends a page after a day by itself
    if site.mode is Mode.LIVE:
        made["expires_at"] = int((asked.expires_at - _SKEW).timestamp())
    if asked.payment is None:
        made["mode"] = "setup"
        made["currency"] = asked.currency.lower()
        made["setup_intent_data"] = {"metadata": ours}
        return made
    made["mode"] = "payment"
    made["line_items"] = [
        {
            "quantity": 1,
            "price_data": {
                "currency": asked.currency.lower(),
                "unit_amount": to_stripe(asked.amount, asked.currency),
                "product_data": {"name": asked.description},
            },
        }
    ]
    made["payment_intent_data"] = {"metadata": ours, "description": asked.description}
    if asked.save_method:
        made["payment_intent_data"]["setup_future_usage"] = "off_session"
    return made
