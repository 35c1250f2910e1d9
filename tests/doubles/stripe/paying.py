"""How the double's money moves: intents, charges, refunds, disputes, and the customer at a page."""

from typing import Any

from .cards import CARDS, Card
from .shelf import Refusal, Shelf, Thing, invalid


class Paying:
    """Stripe's side of it, on a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def method(self, last4: str) -> Thing:
        """A way to pay that is not of any customer yet."""
        card = CARDS[last4]
        return self._shelf.make(
            "pm", "payment_method", type=card.type, customer=None, **{card.type: card.details()}
        )

    def attach(self, method: Thing, customer: str) -> None:
        if not _card(method).saves:
            raise Refusal(402, "card_error", "Your card was declined.", code="card_declined")
        if method["customer"] is None:
            method["customer"] = customer
            self._shelf.tell("payment_method.attached", method)

    def detach(self, method: Thing) -> None:
        if method["customer"] is None:
            raise invalid("The payment method you provided is not attached to a customer.")
        before = {"customer": method["customer"]}
        method["customer"] = None
        self._shelf.tell("payment_method.detached", method, before)

    def intent(self, amount: int, currency: str, customer: str | None, **fields: Any) -> Thing:
        if amount <= 0:
            raise invalid("This value must be greater than or equal to 1.", param="amount")
        intent = self._shelf.make(
            "pi",
            "payment_intent",
            amount=amount,
            amount_received=0,
            currency=currency,
            customer=customer,
            status="requires_payment_method",
            payment_method=None,
            last_payment_error=None,
            next_action=None,
            latest_charge=None,
            setup_future_usage=None,
            description=None,
            canceled_at=None,
        )
        intent.update(fields)
        self._shelf.tell("payment_intent.created", intent)
        return intent

    def confirm(
        self, intent: Thing, method: Thing, *, off_session: bool = False, return_url: str | None = None
    ) -> None:
        """Try to pay with a method. Refuses with 402 when it is declined."""
        if intent["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
            raise invalid(
                f"This PaymentIntent's status is {intent['status']}.", code="payment_intent_unexpected_state"
            )
        card = _card(method)
        if card.code is not None:
            self._decline(intent, method, card.code, card.decline or card.code)
        intent.update(payment_method=method["id"], last_payment_error=None, next_action=None)
        if card.step and off_session:
            self._decline(intent, method, "authentication_required", "authentication_required")
        elif card.step:
            intent["status"] = "requires_action"
            url = f"{self._shelf.base()}/hooks/redirect/authenticate/{intent['id']}"
            intent["next_action"] = {
                "type": "redirect_to_url",
                "redirect_to_url": {"url": url, "return_url": return_url},
            }
            self._shelf.tell("payment_intent.requires_action", intent)
        elif card.later:
            intent["status"] = "processing"
            self._shelf.tell("payment_intent.processing", intent)
        else:
            self.succeed(intent)

    def authenticate(self, intent: Thing, *, approve: bool) -> None:
        """The customer's answer at the bank's page."""
        assert intent["status"] == "requires_action"
        method = self._shelf.things[intent["payment_method"]]
        intent["next_action"] = None
        if approve:
            self.succeed(intent)
        else:
            self._fail(intent, method, "payment_intent_authentication_failure", None)

    def settle(self, intent: Thing, *, arrives: bool) -> None:
        """What comes of a payment that takes days."""
        assert intent["status"] == "processing"
        if arrives:
            self.succeed(intent)
        else:
            self._fail(intent, self._shelf.things[intent["payment_method"]], "payment_failed", None)

    def succeed(self, intent: Thing) -> None:
        method = self._shelf.things[intent["payment_method"]]
        if intent["setup_future_usage"] and intent["customer"]:
            self.attach(method, intent["customer"])
        charge = self._charge(intent, method, status="succeeded", paid=True, captured=True)
        intent.update(status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"])
        self._shelf.tell("charge.succeeded", charge)
        self._shelf.tell("payment_intent.succeeded", intent)
        if _card(method).disputed:
            self.dispute(intent)

    def cancel(self, intent: Thing) -> None:
        if intent["status"] in ("succeeded", "processing", "canceled"):
            raise invalid(
                f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
                code="payment_intent_unexpected_state",
            )
        intent.update(status="canceled", canceled_at=self._shelf.now(), next_action=None)
        self._shelf.tell("payment_intent.canceled", intent)

    def refund(self, intent: Thing, amount: int | None, metadata: Thing) -> Thing:
        if intent["latest_charge"] is None or intent["status"] != "succeeded":
            raise invalid("This PaymentIntent does not have a successful charge to refund.")
        charge = self._shelf.things[intent["latest_charge"]]
        left = charge["amount"] - charge["amount_refunded"]
        if left == 0:
            raise invalid("Charge has already been refunded.", code="charge_already_refunded")
        amount = left if amount is None else amount
        if not 0 < amount <= left:
            raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})")
        if charge["disputed"]:
            raise invalid("This charge has been charged back.", code="charge_disputed")
        method = self._shelf.things[intent["payment_method"]]
        refund = self._shelf.make(
            "re",
            "refund",
            amount=amount,
            currency=intent["currency"],
            charge=charge["id"],
            payment_intent=intent["id"],
            status="succeeded" if _card(method).refunds == "succeeded" else "pending",
            failure_reason=None,
            reason=None,
        )
        refund["metadata"] = metadata
        self._give_back(charge, amount)
        self._shelf.tell("refund.created", refund)
        self._shelf.tell("charge.refunded", charge)
        return refund

    def settle_refund(self, refund: Thing, *, arrives: bool) -> None:
        """What comes of a refund; one that succeeded may fail days later all the same."""
        if arrives:
            refund["status"] = "succeeded"
            self._shelf.tell("refund.updated", refund)
            return
        refund.update(status="failed", failure_reason="lost_or_stolen_card")
        self._give_back(self._shelf.things[refund["charge"]], -refund["amount"])
        self._shelf.tell("refund.updated", refund)
        self._shelf.tell("refund.failed", refund)

    def dispute(self, intent: Thing, *, inquiry: bool = False) -> Thing:
        charge = self._shelf.things[intent["latest_charge"]]
        charge["disputed"] = True
        dispute = self._shelf.make(
            "dp",
            "dispute",
            amount=charge["amount"] - charge["amount_refunded"],
            currency=charge["currency"],
            charge=charge["id"],
            payment_intent=intent["id"],
            reason="fraudulent",
            status="warning_needs_response" if inquiry else "needs_response",
            evidence_details={"due_by": self._shelf.now() + 7 * 86400},
        )
        self._shelf.tell("charge.dispute.created", dispute)
        if not inquiry:
            self._shelf.tell("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def close_dispute(self, dispute: Thing, *, won: bool) -> None:
        inquiry = dispute["status"].startswith("warning_")
        dispute["status"] = "warning_closed" if inquiry else "won" if won else "lost"
        self._shelf.tell("charge.dispute.closed", dispute)
        if won and not inquiry:
            self._shelf.tell("charge.dispute.funds_reinstated", dispute)

    def _decline(self, intent: Thing, method: Thing, code: str, decline: str) -> None:
        error = self._fail(intent, method, code, decline)
        shown = self._shelf.shown(intent)
        raise Refusal(
            402,
            "card_error",
            error["message"],
            code=code,
            decline_code=decline,
            charge=intent["latest_charge"],
            payment_intent=shown,
            payment_method=self._shelf.shown(method),
        )

    def _fail(self, intent: Thing, method: Thing, code: str, decline: str | None) -> Thing:
        charge = self._charge(intent, method, status="failed", paid=False, captured=False)
        charge.update(failure_code=code)
        error = {"type": "card_error", "code": code, "message": f"Your payment was declined ({code})."}
        if decline is not None:
            error["decline_code"] = decline
        intent.update(
            status="requires_payment_method",
            payment_method=None,
            latest_charge=charge["id"],
            last_payment_error=error,
        )
        self._shelf.tell("charge.failed", charge)
        self._shelf.tell("payment_intent.payment_failed", intent)
        return error

    def _charge(self, intent: Thing, method: Thing, **fields: Any) -> Thing:
        charge = self._shelf.make(
            "ch",
            "charge",
            amount=intent["amount"],
            amount_refunded=0,
            currency=intent["currency"],
            customer=intent["customer"],
            payment_intent=intent["id"],
            payment_method=method["id"],
            payment_method_details={"type": method["type"], method["type"]: method[method["type"]]},
            description=intent["description"],
            disputed=False,
            refunded=False,
            failure_code=None,
            receipt_url=None,
            **fields,
        )
        charge["metadata"] = dict(intent["metadata"])
        if charge["paid"]:
            charge["receipt_url"] = f"{self._shelf.base()}/receipts/{charge['id']}"
        return charge

    def _give_back(self, charge: Thing, amount: int) -> None:
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]


def _card(method: Thing) -> Card:
    return CARDS[method[method["type"]]["last4"]]
