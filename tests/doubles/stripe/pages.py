"""Checkout Sessions and setup intents of the double, and the customer who stands before the page."""

from typing import Any

from .paying import Paying
from .shelf import Refusal, Shelf, Thing, invalid

_MIN, _MAX = 30 * 60, 24 * 3600


class Pages:
    def __init__(self, shelf: Shelf, paying: Paying) -> None:
        self._shelf = shelf
        self._paying = paying

    def open(self, params: Thing) -> Thing:
        now = self._shelf.now()
        expires = int(params.get("expires_at", now + _MAX))
        if not now + _MIN <= expires <= now + _MAX:
            raise invalid(
                "The `expires_at` timestamp must be 30 minutes to 24 hours from now.", param="expires_at"
            )
        mode = params.get("mode")
        if mode not in ("payment", "setup"):
            raise invalid("You must pass `mode` as payment or setup.", param="mode")
        if "success_url" not in params:
            raise invalid("Missing required param: success_url.", param="success_url")
        customer = params.get("customer")
        if customer is not None:
            self._shelf.get(customer, "customer", "customer")
        amount, currency = self._sum(params) if mode == "payment" else (None, params.get("currency"))
        if currency is None:
            raise invalid("Missing required param: currency.", param="currency")
        session = self._shelf.make(
            "cs",
            "checkout.session",
            mode=mode,
            status="open",
            payment_status="unpaid" if mode == "payment" else "no_payment_required",
            amount_total=amount,
            amount_subtotal=amount,
            currency=currency,
            customer=customer,
            client_reference_id=params.get("client_reference_id"),
            success_url=params["success_url"],
            cancel_url=params.get("cancel_url"),
            expires_at=expires,
            payment_intent=None,
            setup_intent=None,
        )
        session["metadata"] = params.get("metadata", {})
        session["url"] = f"{self._shelf.base()}/c/pay/{session['id']}"
        # what is not told of a session, but used when the customer pays
        session["_asked"] = params
        return session

    def expire(self, session: Thing) -> None:
        if session["status"] != "open":
            raise invalid('Only Checkout Sessions with a status in ["open"] can be expired.')
        session.update(status="expired", url=None)
        if session["payment_intent"] is not None:
            self._paying.cancel(self._shelf.things[session["payment_intent"]])
        self._shelf.tell("checkout.session.expired", _told(session))

    def pay(self, session: Thing, last4: str) -> str:
        """The customer fills in a card and presses the button; gives where they are sent.

        Raises Refusal when the card is declined: the page stays and another may be tried.
        """
        if session["status"] != "open":
            raise invalid("This Checkout Session has expired.")
        method = self._paying.method(last4)
        if session["mode"] == "setup":
            self._set_up(session, method)
            return self._end(session)
        intent = self._intent(session)
        self._paying.confirm(intent, method, return_url=session["success_url"])
        if intent["status"] == "requires_action":
            return str(intent["next_action"]["redirect_to_url"]["url"])
        return self._end(session)

    def went_on(self, intent: Thing) -> str | None:
        """After the bank's page or the wait: the session that an intent was of goes on; gives where to."""
        for session in self._shelf.all("checkout.session", payment_intent=intent["id"]):
            if session["status"] == "open" and intent["status"] in ("succeeded", "processing"):
                return self._end(session)
            if session["status"] == "complete" and session["payment_status"] == "unpaid":
                if intent["status"] == "succeeded":
                    session["payment_status"] = "paid"
                    self._shelf.tell("checkout.session.async_payment_succeeded", _told(session))
                elif intent["status"] == "requires_payment_method":
                    self._shelf.tell("checkout.session.async_payment_failed", _told(session))
        return None

    def _sum(self, params: Thing) -> tuple[int, str]:
        items = params.get("line_items") or []
        if not items:
            raise invalid("The `line_items` parameter is required in payment mode.", param="line_items")
        total, currency = 0, ""
        for item in items:
            price: Any = item.get("price_data") or self._shelf.get(item.get("price"), "price", "price")
            total += int(item.get("quantity", 1)) * int(price["unit_amount"])
            currency = price["currency"]
        return total, currency

    def _intent(self, session: Thing) -> Thing:
        if session["payment_intent"] is None:
            asked = session["_asked"].get("payment_intent_data", {})
            intent = self._paying.intent(
                session["amount_total"],
                session["currency"],
                session["customer"],
                metadata=asked.get("metadata", {}),
                description=asked.get("description"),
                setup_future_usage=asked.get("setup_future_usage"),
            )
            session["payment_intent"] = intent["id"]
        return self._shelf.things[session["payment_intent"]]

    def _set_up(self, session: Thing, method: Thing) -> None:
        self._paying.attach(method, session["customer"])
        asked = session["_asked"].get("setup_intent_data", {})
        setup = self._shelf.make(
            "seti",
            "setup_intent",
            status="succeeded",
            usage="off_session",
            customer=session["customer"],
            payment_method=method["id"],
        )
        setup["metadata"] = asked.get("metadata", {})
        session["setup_intent"] = setup["id"]
        self._shelf.tell("setup_intent.succeeded", setup)

    def _end(self, session: Thing) -> str:
        session.update(status="complete", url=None)
        if session["payment_intent"] is not None:
            paid = self._shelf.things[session["payment_intent"]]["status"] == "succeeded"
            session["payment_status"] = "paid" if paid else "unpaid"
        self._shelf.tell("checkout.session.completed", _told(session))
        return str(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]))


def _told(session: Thing) -> Thing:
    return {key: value for key, value in session.items() if not key.startswith("_")}


__all__ = ["Pages", "Refusal"]
