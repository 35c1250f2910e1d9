"""A customer who buys credits on the hosted page and has more bought automatically, and whoever listens to it.

Everything is asked for as a client would: again with the same key, and the page reloaded, until an answer comes.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2

PATIENCE = 120.0  # seconds for each step, a restart and the lease of a delivery among them


class Listener:
    """A webhook receiver that notes which events came, and under which ids."""

    def __init__(self) -> None:
        self.ids: dict[str, set[str]] = {}
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                key = f"{body['event']} {body['data'].get('account')}"
                listener.ids.setdefault(key, set()).add(self.headers["webhook-id"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def told(self, event: str, account: str) -> int:
        """How many events of a type came, those that came again counted once."""
        return len(self.ids.get(f"{event} {account}", ()))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@dataclass
class Buyer:
    """``revive`` starts the server again if it has died."""

    address: str
    key: str
    revive: Callable[[], None]
    account: str = ""
    client: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx2.Client(timeout=20)

    def ask(self, method: str, path: str, body: object = None, key: str | None = None) -> Any:
        """Ask until there is an answer, which must not be an error."""
        headers = {"Authorization": f"Bearer {self.key}"} | ({} if key is None else {"Idempotency-Key": key})
        answer = self._insist(
            lambda: self.client.request(method, self.address + "/v2" + path, json=body, headers=headers)
        )
        assert answer.status_code < 300, answer.text
        return answer.json()

    def _insist(self, send: Callable[[], httpx2.Response]) -> httpx2.Response:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = send()
                if answer.status_code < 500:
                    return answer
            except httpx2.HTTPError:
                self.revive()
            assert time.monotonic() < deadline, "no answer"
            time.sleep(0.05)

    def until(self, holds: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, what
            self.revive()
            time.sleep(0.1)

    def close(self) -> None:
        self.client.close()

    def buy(self, name: str) -> None:
        """Buy 100 credits on the page, keep the card, and spend below the threshold of an automatic purchase."""
        self.account = self.ask(
            "POST", "/accounts", {"external_id": name, "email": f"{name}@acme.example"}, f"{name}-account"
        )["id"]
        wanted = {"account": self.account, "credits": {"amount": 100}, "save_method": True}
        checkout = self.ask("POST", "/checkouts", wanted, f"{name}-checkout")
        while self.ask("GET", f"/checkouts/{checkout['id']}")["status"] == "open":
            self._insist(lambda: self.client.post(checkout["url"], data={"card": "4242", "keep": "yes"}))
        assert self.ask("GET", f"/checkouts/{checkout['id']}")["status"] == "completed"
        settings = {"threshold": 40, "amount": 50, "cooldown_seconds": 3600}
        self.ask("PUT", f"/accounts/{self.account}/auto-reload/credits", settings, f"{name}-reload")
        self.ask("POST", "/debits", {"account": self.account, "amount": 70}, f"{name}-debit")

    def wallet(self) -> tuple[str, str]:
        wallet = self.ask("GET", f"/accounts/{self.account}/balance")["balances"][0]
        return wallet["posted"], wallet["held"]

    def prove(self, listener: Listener) -> None:
        """Money was taken once for each purchase, credits were given once, and whoever listens was told once."""
        self.until(lambda: self.wallet() == ("80", "0"), "100 - 70 + 50 credits")
        once = ("checkout.completed", "credits.reloaded", "payment_method.saved")
        twice = ("payment.succeeded", "invoice.paid", "credits.granted")
        for event, count in [*((event, 1) for event in once), *((event, 2) for event in twice)]:
            self.until(partial(self._told, listener, event, count), f"{event} {count} times")
        history = self.ask("GET", f"/accounts/{self.account}/payment-history")["data"]
        assert [(one["paid"], one["amount"]["amount"]) for one in history] == [(True, 50), (True, 100)]
        payments = self.ask("GET", f"/payments?account={self.account}")["data"]
        assert Counter(one["status"] for one in payments) == {"succeeded": 2}
        grants = self.ask("GET", f"/accounts/{self.account}/grants")["data"]
        assert sorted(one["amount"] for one in grants) == ["100", "50"]
        self.until(lambda: self._letters() == 2, "a receipt for each purchase")
        for event, count in [*((event, 1) for event in once), *((event, 2) for event in twice)]:
            assert listener.told(event, self.account) == count, event

    def _told(self, listener: Listener, event: str, count: int) -> bool:
        return listener.told(event, self.account) >= count

    def _letters(self) -> int:
        mails = self.ask("GET", f"/emails?account={self.account}")["data"]
        return sum(mail["kind"] == "payment_receipt" for mail in mails)
