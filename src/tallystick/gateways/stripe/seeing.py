"""What Stripe's objects say, as the port's facts. Pure: the same from an answer, an event, in any order.

Our ids are in the metadata of what we made (`marks`); what somebody made at Stripe's dashboard has none.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from tallystick.domain.payments.port import (
    CheckoutSeen,
    DisputeSeen,
    MethodSeen,
    PaymentSeen,
    RefundSeen,
    Seen,
)
from tallystick.kernel.ids import parse_typeid, typeid

from .amounts import from_stripe

Thing = Mapping[str, Any]
"""An object of Stripe's."""

_PREFIXES: Final = {"account": "acct", "checkout": "co", "payment": "pay", "refund": "re"}


def marks(**ids: UUID | None) -> dict[str, str]:
    """The metadata that says which of our rows an object is for: ``marks(payment=..., account=...)``."""
    return {f"tallystick_{name}": typeid(_PREFIXES[name], id) for name, id in ids.items() if id is not None}


def payment(intent: Thing, *, page_closed: bool = False) -> PaymentSeen | None:
    """A PaymentIntent; None while nothing has been tried that we should know of.

    A decline on a page is not the end, since the customer may try another card there, unless it is known to be closed.
    """
    error = intent.get("last_payment_error")
    on_page = _mark(intent, "checkout") is not None
    match intent["status"]:
        case "succeeded" | "processing" | "requires_action" as status:
            return _payment(intent, status, url=_action(intent))
        case "canceled":
            return _payment(intent, "cancelled")
        case "requires_capture":
            return _payment(intent, "processing")
        case "requires_payment_method" if error:
            # the customer is asked next (`Stripe.charge`), so it is no decline yet
            if wants_customer(error) and not on_page:
                return None
            return declined(intent, error, final=page_closed or not on_page)
        case _:
            return None


def wants_customer(error: Thing) -> bool:
    """Whether a decline means that the bank would say yes if the customer confirmed it."""
    return "authentication_required" in (error.get("code"), error.get("decline_code"))


def declined(intent: Thing, error: Thing, *, final: bool) -> PaymentSeen:
    """A PaymentIntent whose try was declined. The code is the bank's reason where it gave one."""
    code = error.get("decline_code") or error.get("code") or "declined"
    return _payment(intent, "failed", final=final, code=code, message=error.get("message"))


def checkout(session: Thing, *, failed: bool = False) -> CheckoutSeen | None:
    """A Checkout Session; None while it is open. ``failed``: the payment that it was completed with came to nothing."""
    if session["status"] not in ("complete", "expired"):
        return None
    completed = session["status"] == "complete"
    intent = session.get("payment_intent")
    paid: PaymentSeen | None = None
    saved: MethodSeen | None = None
    if isinstance(intent, Mapping):
        paid, saved = payment(intent, page_closed=True), _saved(intent)
    elif isinstance(intent, str) and completed:
        paid = _paid_on(session, intent, failed=failed)
    setup = session.get("setup_intent")
    if isinstance(setup, Mapping):
        saved = _saved(setup) or saved
    return CheckoutSeen(
        ref=session["id"],
        status="completed" if completed else "expired",
        checkout=_mark(session, "checkout"),
        payment=paid,
        method=saved,
        customer_ref=_ref(session.get("customer")),
    )


def method(found: Thing, *, removed: bool = False, customer: str | None = None) -> MethodSeen:
    """A PaymentMethod."""
    kind = found["type"]
    told = found.get(kind) or {}
    return MethodSeen(
        ref=found["id"],
        kind=kind,
        brand=told.get("brand") or told.get("bank_name") or "",
        last4=told.get("last4") or "",
        exp_month=told.get("exp_month"),
        exp_year=told.get("exp_year"),
        customer_ref=_ref(found.get("customer")) or customer,
        removed=removed,
    )


def refund(found: Thing) -> RefundSeen | None:
    """A Refund; None for one of a charge that had no PaymentIntent, which we never make."""
    intent = _ref(found.get("payment_intent"))
    if intent is None:
        return None
    match found.get("status"):
        case "succeeded":
            return _refund(found, intent, "succeeded")
        case "failed" | "canceled":
            return _refund(found, intent, "failed")
        case _:
            return _refund(found, intent, "pending")


def dispute(found: Thing) -> DisputeSeen | None:
    """A Dispute; None for a mere inquiry, which takes no money, and for one that a refund prevented."""
    intent = _ref(found.get("payment_intent"))
    status = found["status"]
    if intent is None or status.startswith("warning_") or status == "prevented":
        return None
    return DisputeSeen(
        ref=found["id"],
        payment_ref=intent,
        status=status if status in ("won", "lost") else "open",
        amount=from_stripe(found["amount"], found["currency"]),
        currency=found["currency"].upper(),
        reason=found.get("reason") or "",
        at=_moment(found.get("created")),
        evidence_due_at=_moment((found.get("evidence_details") or {}).get("due_by")),
    )


def event(type: str, found: Thing, before: Thing) -> list[Seen]:
    """What an event tells. ``before``: the values that it changed."""
    look = _EVENTS.get(type)
    if look is None:
        return []
    seen = look(found, before)
    return seen if isinstance(seen, list) else [] if seen is None else [seen]


def payment_of(found: Thing) -> UUID | None:
    """Our id of the payment that an object is for."""
    return _mark(found, "payment")


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _charge(found: Thing, before: Thing) -> Seen | None:
    """A Charge that took money: its PaymentIntent succeeded, whatever else was told of that."""
    intent = _ref(found.get("payment_intent"))
    if intent is None or found.get("status") != "succeeded" or not found.get("captured"):
        return None
    return _payment({**found, "id": intent}, "succeeded")


def _invoice(found: Thing, status: Any) -> Seen | None:
    """An Invoice of Stripe's own. We bill ourselves and make none; one that somebody makes at Stripe of a payment of
    ours tells what that came to."""
    parts = (found.get("payments") or {}).get("data") or []
    paid = [_ref((one.get("payment") or {}).get("payment_intent")) for one in parts]
    intent = _ref(found.get("payment_intent")) or next(filter(None, paid), None)
    amount = found.get("amount_paid") if status == "succeeded" else found.get("amount_due")
    if intent is None or not amount:
        return None
    thing = {**found, "id": intent, "amount": amount}
    if status == "succeeded":
        return _payment(thing, status)
    return _payment(thing, status, final=False, code="declined", message="The payment did not go through.")


def _charge_refunds(found: Thing, before: Thing) -> list[Seen]:
    refunds = (found.get("refunds") or {}).get("data") or []
    return [seen for seen in map(refund, refunds) if seen is not None]


def _detached(found: Thing, before: Thing) -> Seen:
    return method(found, removed=True, customer=_ref(before.get("customer")))


def _set_up(found: Thing, before: Thing) -> Seen | None:
    return _saved(found)


def _of(look: Callable[[Thing], Seen | None]) -> Callable[[Thing, Thing], Seen | None]:
    return lambda found, before: look(found)


_EVENTS: Final[dict[str, Callable[[Thing, Thing], list[Seen] | Seen | None]]] = {
    "payment_intent.succeeded": _of(payment),
    "payment_intent.payment_failed": _of(payment),
    "payment_intent.processing": _of(payment),
    "payment_intent.requires_action": _of(payment),
    "payment_intent.canceled": _of(payment),
    "checkout.session.completed": _of(checkout),
    "checkout.session.expired": _of(checkout),
    "checkout.session.async_payment_succeeded": _of(checkout),
    "checkout.session.async_payment_failed": lambda found, before: checkout(found, failed=True),
    "invoice.paid": lambda found, before: _invoice(found, "succeeded"),
    "invoice.payment_failed": lambda found, before: _invoice(found, "failed"),
    "charge.succeeded": _charge,
    "charge.updated": _charge,
    "charge.refunded": _charge_refunds,
    "charge.refund.updated": _of(refund),
    "refund.created": _of(refund),
    "refund.updated": _of(refund),
    "refund.failed": _of(refund),
    "charge.dispute.created": _of(dispute),
    "charge.dispute.updated": _of(dispute),
    "charge.dispute.closed": _of(dispute),
    "charge.dispute.funds_withdrawn": _of(dispute),
    "charge.dispute.funds_reinstated": _of(dispute),
    "payment_method.attached": _of(method),
    "payment_method.updated": _of(method),
    "payment_method.automatically_updated": _of(method),
    "payment_method.detached": _detached,
    "setup_intent.succeeded": _set_up,
}
"""The types that Stripe should send; others are received and change nothing, such as those of its own subscriptions:
what a customer is subscribed to stands in our books alone."""


def _payment(
    found: Thing,
    status: Any,
    *,
    final: bool = True,
    code: str | None = None,
    message: str | None = None,
    url: str | None = None,
) -> PaymentSeen:
    charge = found.get("latest_charge") if status == "succeeded" else None
    return PaymentSeen(
        ref=found["id"],
        status=status,
        amount=from_stripe(found["amount"], found["currency"]),
        currency=found["currency"].upper(),
        payment=_mark(found, "payment"),
        at=_moment(charge.get("created")) if isinstance(charge, Mapping) else None,
        final=final,
        failure_code=code,
        failure_message=message,
        url=url,
        method=_saved(found),
        customer_ref=_ref(found.get("customer")),
    )


def _paid_on(session: Thing, intent: str, *, failed: bool) -> PaymentSeen:
    """The payment of a completed session whose PaymentIntent is not told with it."""
    found = {**session, "id": intent, "amount": session["amount_total"]}
    if session["payment_status"] == "paid":
        return _payment(found, "succeeded")
    if failed:
        return _payment(found, "failed", code="declined", message="The payment did not go through.")
    return _payment(found, "processing")


def _refund(found: Thing, intent: str, status: Any) -> RefundSeen:
    return RefundSeen(
        ref=found["id"],
        payment_ref=intent,
        status=status,
        amount=from_stripe(found["amount"], found["currency"]),
        currency=found["currency"].upper(),
        refund=_mark(found, "refund"),
        at=_moment(found.get("created")),
        failure=found.get("failure_reason"),
    )


def _saved(found: Thing) -> MethodSeen | None:
    """The way to pay of an intent, where it is told whole and Stripe keeps it for the customer."""
    used = found.get("payment_method")
    if isinstance(used, Mapping) and used.get("customer"):
        return method(used)
    return None


def _action(intent: Thing) -> str | None:
    """Where the customer takes the further step: a bank's page, or instructions."""
    for step in (intent.get("next_action") or {}).values():
        if isinstance(step, Mapping):
            url = step.get("url") or step.get("hosted_voucher_url") or step.get("hosted_instructions_url")
            if url:
                return str(url)
    return None


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else moment(seconds)


def _mark(found: Thing, name: str) -> UUID | None:
    text = (found.get("metadata") or {}).get(f"tallystick_{name}")
    return parse_typeid(_PREFIXES[name], text) if isinstance(text, str) else None


def _ref(value: Any) -> str | None:
    """The id of an object that is told whole or by its id."""
    ref: str | None = value["id"] if isinstance(value, Mapping) else value
    return ref
