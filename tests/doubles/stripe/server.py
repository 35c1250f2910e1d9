"""The double's server: HTTP, keys, outages; and what tests do to it from outside."""

import contextlib
import json
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Iterator, Sequence
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self, cast
from urllib.parse import urlsplit

import stripe

from . import forms
from .api import Api
from .pages import Pages
from .paying import Paying
from .shelf import Refusal, Shelf, Thing

Outage = Literal["down", "500", "500 after", "lost", "429", "busy", "slow"]
"""What goes wrong with a call.

- ``down``: the connection ends and nothing was done. ``lost``: it was done, and the connection ends.
- ``500``: nothing was done, nor kept. ``500 after``: it was done, and its key answers 500 from then on.
- ``429``: too many calls. ``busy``: another call with the key is being worked on.
- ``slow``: it waits until `release` is set, and then does it.
"""


class StripeDouble:
    """A running Stripe, one account's. ``key`` is its secret key, ``secret`` that of its webhooks."""

    key = "sk_test_double51secretNeverShown"
    secret = "whsec_double51secretNeverShown"

    def __init__(self) -> None:
        self.url = ""
        self.shelf = Shelf(lambda: self.url)
        self.outages: deque[Outage | None] = deque()
        """What goes wrong with the calls to come, one each; None: nothing."""
        self.always: Outage | None = None
        self.release = threading.Event()
        self.calls: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        """Of the last call, by small letters."""
        self._paying = Paying(self.shelf)
        self._pages = Pages(self.shelf, self._paying)
        self.api = Api(self.shelf, self._paying, self._pages)
        self._kept: dict[str, tuple[str, int, bytes]] = {}
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread.start()

    def close(self) -> None:
        """Stop, if it was started."""
        self.release.set()
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()

    @contextlib.contextmanager
    def away(self, how: Outage) -> Iterator[None]:
        """All calls go wrong inside."""
        self.always = how
        try:
            yield
        finally:
            self.always = None

    def forget_keys(self) -> None:
        """A day goes by: Stripe forgets its idempotency keys."""
        with self._lock:
            self._kept.clear()

    # what customers, banks and people at the dashboard do

    def customer_pays(self, session: str, last4: str = "4242") -> str:
        """At the page; gives where the customer is sent. Raises Refusal on a decline."""
        with self._lock:
            return self._pages.pay(self.shelf.things[session], last4)

    def page_expires(self, session: str) -> None:
        with self._lock:
            self._pages.expire(self.shelf.things[session])

    def customer_steps(self, intent: str, *, approve: bool = True) -> str | None:
        """At the bank's page; gives where a session sends the customer then."""
        with self._lock:
            found = self.shelf.things[intent]
            self._paying.authenticate(found, approve=approve)
            return self._pages.went_on(found)

    def money_arrives(self, intent: str, *, arrives: bool = True) -> None:
        """What comes of a payment that is being processed."""
        with self._lock:
            found = self.shelf.things[intent]
            self._paying.settle(found, arrives=arrives)
            self._pages.went_on(found)

    def save_card(self, customer: str, last4: str = "4242") -> str:
        """A way to pay that the customer has saved before."""
        with self._lock:
            method = self._paying.method(last4)
            self._paying.attach(method, customer)
            return str(method["id"])

    def staff_refunds(self, intent: str, amount: int | None = None) -> str:
        with self._lock:
            return str(self._paying.refund(self.shelf.things[intent], amount, {})["id"])

    def refund_ends(self, refund: str, *, arrives: bool) -> None:
        with self._lock:
            self._paying.settle_refund(self.shelf.things[refund], arrives=arrives)

    def bank_disputes(self, intent: str, *, inquiry: bool = False) -> str:
        with self._lock:
            return str(self._paying.dispute(self.shelf.things[intent], inquiry=inquiry)["id"])

    def bank_decides(self, dispute: str, *, won: bool) -> None:
        with self._lock:
            self._paying.close_dispute(self.shelf.things[dispute], won=won)

    # what it tells

    @property
    def events(self) -> list[Thing]:
        return list(self.shelf.events)

    def signed(
        self, event: Thing, *, secret: str | None = None, at: float | None = None
    ) -> tuple[dict[str, str], bytes]:
        """An event as it is sent now, or ``at`` another moment: headers and body."""
        body = json.dumps(event, indent=2)
        moment = int(time.time() if at is None else at)
        made = stripe.WebhookSignature.generate_signature_header(body, secret or self.secret, moment)
        return {"stripe-signature": made, "content-type": "application/json"}, body.encode()

    def send(self, address: str, events: Sequence[Thing] | None = None) -> list[int]:
        """Send events (all by default) in this order; gives each one's status."""
        statuses = []
        for event in self.events if events is None else events:
            headers, body = self.signed(event)
            request = urllib.request.Request(address, body, headers)
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    statuses.append(answer.status)
            except urllib.error.HTTPError as error:
                with error:
                    statuses.append(error.code)
        return statuses

    def intents(self) -> list[Thing]:
        """All PaymentIntents, oldest first."""
        return self.shelf.all("payment_intent")[::-1]

    def paid(self) -> int:
        """What customers paid in all, in Stripe's minor units."""
        return sum(intent["amount_received"] for intent in self.intents())

    # how it answers

    def answer(self, method: str, target: str, headers: Any, body: str) -> tuple[int, bytes] | None:
        """Status and body; None: the connection ends without."""
        parts = urlsplit(target)
        params = forms.read(body if method == "POST" else parts.query)
        with self._lock:
            self.calls.append((method, parts.path))
            self.headers = {name.lower(): value for name, value in headers.items()}
            outage = self.outages.popleft() if self.outages else self.always
        if outage == "slow":
            self.release.wait(60)
        if outage == "down":
            return None
        if outage == "500":
            return _error(500, "api_error", "Something went wrong on Stripe's end.")
        if outage == "429":
            return _error(429, "invalid_request_error", "Too many requests.", code="rate_limit")
        if outage == "busy":
            return _error(409, "idempotency_error", "In progress.", code="idempotency_key_in_use")
        with self._lock:
            if headers.get("authorization") != f"Bearer {self.key}":
                return _error(401, "invalid_request_error", "Invalid API Key provided: sk_test_****hown")
            key = headers.get("idempotency-key") if method == "POST" else None
            return self._once(method, parts.path, params, key, outage)

    def _once(
        self, method: str, path: str, params: Thing, key: str | None, outage: Outage | None
    ) -> tuple[int, bytes] | None:
        about = sha256(json.dumps([path, params], sort_keys=True).encode()).hexdigest()
        if key is not None and key in self._kept:
            kept, status, body = self._kept[key]
            if kept != about:
                message = "Keys for idempotent requests can only be used with the same parameters."
                return _error(400, "idempotency_error", message)
            return status, body
        try:
            status, body = 200, json.dumps(self.api.answer(method, path, params)).encode()
        except Refusal as refusal:
            status, body = refusal.status, json.dumps({"error": refusal.error}).encode()
        if outage == "500 after":
            status, body = _error(500, "api_error", "Something went wrong on Stripe's end.")
        if key is not None and status not in (400, 404):  # what was not begun is not kept
            self._kept[key] = about, status, body
        return None if outage == "lost" else (status, body)


def _error(status: int, type: str, message: str, **more: Any) -> tuple[int, bytes]:
    return status, json.dumps({"error": {"type": type, "message": message, **more}}).encode()


def _handler(double: StripeDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body leave together

        def do_GET(self) -> None:
            self._serve("GET")

        def do_POST(self) -> None:
            self._serve("POST")

        def _serve(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            answer = double.answer(method, self.path, self.headers, body)
            if answer is None:
                self.close_connection = True
                return
            status, said = answer
            with contextlib.suppress(OSError):  # who asked has gone
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(said)))
                self.send_header("request-id", "req_double")
                self.end_headers()
                self.wfile.write(said)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return cast(type[BaseHTTPRequestHandler], Handler)
