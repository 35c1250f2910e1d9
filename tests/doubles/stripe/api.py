"""The addresses of Stripe's API that the double answers."""

import re
from collections.abc import Callable
from typing import Any

from .pages import Pages
from .paying import Paying
from .shelf import Shelf, Thing, invalid

Handler = Callable[..., Thing]


class Api:
    """Route table and handlers: each takes the ids of its path and the fields of the request."""

    def __init__(self, shelf: Shelf, paying: Paying, pages: Pages) -> None:
        self._shelf = shelf
        self._paying = paying
        self._pages = pages
        self.searches = True
        """Whether it has a search, which not every country's Stripe has."""
        table: list[tuple[str, str, Handler]] = [
            ("POST", "/v1/customers", self._make_customer),
            ("GET", "/v1/customers", self._list("customer")),
            ("GET", "/v1/customers/{}", self._read("customer")),
            ("POST", "/v1/customers/{}", self._update("customer")),
            ("POST", "/v1/products", self._make_product),
            ("GET", "/v1/products/{}", self._read("product")),
            ("POST", "/v1/prices", self._make_price),
            ("GET", "/v1/prices/{}", self._read("price")),
            ("POST", "/v1/checkout/sessions", self._open_session),
            ("GET", "/v1/checkout/sessions", self._list("checkout.session", "customer", "payment_intent")),
            ("GET", "/v1/checkout/sessions/{}", self._read("checkout.session")),
            ("POST", "/v1/checkout/sessions/{}/expire", self._expire_session),
            ("POST", "/v1/payment_intents", self._make_intent),
            ("GET", "/v1/payment_intents", self._list("payment_intent", "customer")),
            ("GET", "/v1/payment_intents/search", self._search_intents),
            ("GET", "/v1/payment_intents/{}", self._read("payment_intent")),
            ("POST", "/v1/payment_intents/{}/confirm", self._confirm_intent),
            ("POST", "/v1/payment_intents/{}/cancel", self._cancel_intent),
            ("GET", "/v1/setup_intents/{}", self._read("setup_intent")),
            ("GET", "/v1/payment_methods", self._list("payment_method", "customer")),
            ("GET", "/v1/payment_methods/{}", self._read("payment_method")),
            ("POST", "/v1/payment_methods/{}/attach", self._attach_method),
            ("POST", "/v1/payment_methods/{}/detach", self._detach_method),
            ("GET", "/v1/charges", self._list("charge", "customer", "payment_intent")),
            ("GET", "/v1/charges/{}", self._read("charge")),
            ("POST", "/v1/refunds", self._make_refund),
            ("GET", "/v1/refunds", self._list("refund", "payment_intent", "charge")),
            ("GET", "/v1/refunds/{}", self._read("refund")),
            ("GET", "/v1/disputes", self._list("dispute", "payment_intent", "charge")),
            ("GET", "/v1/disputes/{}", self._read("dispute")),
            ("POST", "/v1/billing_portal/sessions", self._open_portal),
            ("GET", "/v1/events", self._list("event", "type")),
            ("GET", "/v1/events/{}", self._read("event")),
        ]
        self._routes = [
            (method, re.compile(path.replace("{}", "([A-Za-z0-9_]+)")), handler)
            for method, path, handler in table
        ]

    def answer(self, method: str, path: str, params: Thing) -> Thing:
        for wanted, pattern, handler in self._routes:
            found = pattern.fullmatch(path)
            if wanted == method and found is not None:
                made = handler(*found.groups(), params)
                if made.get("object") == "list" or made.get("object") == "search_result":
                    return made
                return {
                    key: value
                    for key, value in self._shelf.shown(made, params.get("expand", ())).items()
                    if not key.startswith("_")
                }
        raise invalid(f"Unrecognized request URL ({method}: {path}).")

    def _read(self, object: str) -> Handler:
        return lambda id, params: self._shelf.get(id, object)

    def _list(self, object: str, *filters: str) -> Handler:
        def listed(params: Thing) -> Thing:
            fields = {name: params[name] for name in filters if name in params}
            return self._shelf.page(
                self._shelf.all(object, **fields), params, f"/v1/{object.replace('.', '/')}s"
            )

        return listed

    def _update(self, object: str) -> Handler:
        def updated(id: str, params: Thing) -> Thing:
            thing = self._shelf.get(id, object)
            thing.update(params)
            return thing

        return updated

    def _make_customer(self, params: Thing) -> Thing:
        customer = self._shelf.make("cus", "customer", name=params.get("name"), email=params.get("email"))
        customer["metadata"] = params.get("metadata", {})
        self._shelf.tell("customer.created", customer)
        return customer

    def _make_product(self, params: Thing) -> Thing:
        return self._shelf.make("prod", "product", name=params["name"], active=True)

    def _make_price(self, params: Thing) -> Thing:
        product = self._shelf.get(params.get("product"), "product", "product")
        amount, currency = int(params["unit_amount"]), params["currency"]
        return self._shelf.make(
            "price", "price", product=product["id"], unit_amount=amount, currency=currency, type="one_time"
        )

    def _open_session(self, params: Thing) -> Thing:
        return self._pages.open(params)

    def _expire_session(self, id: str, params: Thing) -> Thing:
        session = self._shelf.get(id, "checkout.session")
        self._pages.expire(session)
        return session

    def _make_intent(self, params: Thing) -> Thing:
        customer = self._shelf.get(params.get("customer"), "customer", "customer")["id"]
        intent = self._paying.intent(
            int(params["amount"]),
            params["currency"],
            customer,
            metadata=params.get("metadata", {}),
            description=params.get("description"),
        )
        if params.get("confirm") == "true":
            self._confirm(intent, params)
        return intent

    def _confirm_intent(self, id: str, params: Thing) -> Thing:
        intent = self._shelf.get(id, "payment_intent")
        self._confirm(intent, params)
        return intent

    def _confirm(self, intent: Thing, params: Thing) -> None:
        method = self._shelf.get(params.get("payment_method"), "payment_method", "payment_method")
        if method["customer"] != intent["customer"]:
            raise invalid("The PaymentMethod does not belong to the Customer.", param="payment_method")
        off_session = params.get("off_session") == "true"
        if not off_session and "return_url" not in params:
            raise invalid("You must provide a `return_url` when confirming.", param="return_url")
        self._paying.confirm(intent, method, off_session=off_session, return_url=params.get("return_url"))

    def _cancel_intent(self, id: str, params: Thing) -> Thing:
        intent = self._shelf.get(id, "payment_intent")
        if any(
            session["status"] == "open" for session in self._shelf.all("checkout.session", payment_intent=id)
        ):
            raise invalid("You cannot cancel a PaymentIntent of an open Checkout Session.")
        self._paying.cancel(intent)
        return intent

    def _search_intents(self, params: Thing) -> Thing:
        if not self.searches:
            raise invalid("Search is not supported in your country.")
        found = re.fullmatch(r"metadata\['(\w+)'\]:'(\w+)'", params["query"])
        if found is None:
            raise invalid("We were unable to parse your search query.", param="query")
        rows = [
            self._shelf.shown(thing)
            for thing in self._shelf.all("payment_intent")
            if thing["metadata"].get(found[1]) == found[2]
        ][: int(params.get("limit", 10))]
        url = "/v1/payment_intents/search"
        return {"object": "search_result", "url": url, "has_more": False, "next_page": None, "data": rows}

    def _attach_method(self, id: str, params: Thing) -> Thing:
        method = self._shelf.get(id, "payment_method")
        self._paying.attach(method, self._shelf.get(params.get("customer"), "customer", "customer")["id"])
        return method

    def _detach_method(self, id: str, params: Thing) -> Thing:
        method = self._shelf.get(id, "payment_method")
        self._paying.detach(method)
        return method

    def _make_refund(self, params: Thing) -> Thing:
        intent = self._shelf.get(params.get("payment_intent"), "payment_intent", "payment_intent")
        amount: Any = params.get("amount")
        return self._paying.refund(
            intent, None if amount is None else int(amount), params.get("metadata", {})
        )

    def _open_portal(self, params: Thing) -> Thing:
        customer = self._shelf.get(params.get("customer"), "customer", "customer")
        portal = self._shelf.make(
            "bps",
            "billing_portal.session",
            customer=customer["id"],
            return_url=params.get("return_url"),
        )
        portal["url"] = f"{self._shelf.base()}/p/session/{portal['id']}"
        return portal
