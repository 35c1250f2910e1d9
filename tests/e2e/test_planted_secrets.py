"""Secrets and card numbers are planted everywhere: afterwards none is in a log, an answer, the database or a file."""

import base64
import json
import secrets
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from psycopg import sql

from .running import Home, within

PATIENCE = 60
CARD = "4000056655665556"
CARDS = (CARD, "4000 0566 5566 5556")
_MARK = "planted" + secrets.token_hex(6)


def planted(name: str) -> str:
    return f"{name}_{_MARK}_{secrets.token_hex(8)}"


class _Tattling(BaseHTTPRequestHandler):
    """A Stripe that says the key it was called with in what it refuses."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        said = {"error": {"type": "invalid_request_error", "message": f"Not with the key {key}."}}
        body = json.dumps(said).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _TattlingMail(socketserver.StreamRequestHandler):
    """A mail server that says the password in what it refuses."""

    def handle(self) -> None:
        self._say(b"220 here")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"EHLO":
                self._say(b"250-here\r\n250 AUTH PLAIN LOGIN")
            elif word == b"AUTH":
                self.server.asked.set()  # type: ignore[attr-defined]
                self._say(b"535 not with " + line.strip())
            elif word == b"QUIT":
                self._say(b"221 bye")
                return
            else:
                self._say(b"503 no")

    def _say(self, words: bytes) -> None:
        self.wfile.write(words + b"\r\n")


class _Mail(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _TattlingMail)
        self.asked = threading.Event()


@contextmanager
def running(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_nothing_that_was_planted_is_found_again(home: Home) -> None:
    key, hook, password = planted("sk_live"), planted("whsec"), planted("mail")
    own_key, own_hook = planted("sk_test"), planted("whsec_own")
    mail = _Mail()
    with running(ThreadingHTTPServer(("127.0.0.1", 0), _Tattling)) as stripe, running(mail) as post:
        home.environment |= {
            "TALLYSTICK_STRIPE_SECRET_KEY": key,
            "TALLYSTICK_STRIPE_WEBHOOK_SECRET": hook,
            "TALLYSTICK_STRIPE_API_BASE": f"http://127.0.0.1:{stripe}",
            "TALLYSTICK_SMTP_URL": f"smtp://ann:{password}@127.0.0.1:{post}",
        }
        serving = home.serve()
        said = _Said()
        with serving.client(home.made["live_key"]) as live, serving.client(home.made["test_key"]) as test:
            said.put(
                test, "/v2/gateways/stripe", {"secrets": {"secret_key": own_key, "webhook_secret": own_hook}}
            )
            for wrong in (
                {"nonsense": own_key},
                {"secret_key": own_key + " x"},
                own_key,
                {"secret_key": [own_key]},
            ):
                said.put(test, "/v2/gateways/stripe", {"secrets": wrong})
            account = said.post(live, "/v2/accounts", {"name": "Ann", "email": "ann@example.com"})["id"]
            # Stripe refuses, and says why
            asked = {"account": account, "credits": {"amount": 500}, "gateway": "stripe"}
            assert "***" in json.dumps(said.post(live, "/v2/checkouts", asked))
            said.post(live, "/v2/portal-sessions", {"account": account, "gateway": "stripe"})
            # an endpoint's secrets are told once
            url = {"url": "https://127-0-0-1.invalid/"}
            made = live.post("/v2/webhook-endpoints", json=url, headers={"Idempotency-Key": "one"}).json()
            address = f"/v2/webhook-endpoints/{made['id']}"
            turned = live.post(f"{address}/rotate-secret").json()
            shown = [made["secret"], turned["secret"]]
            delivery = said.post(live, f"{address}/test", {})["id"]
            # mail that cannot be sent
            said.post(live, "/v2/grants", {"account": account, "amount": 5})
            alert = {"threshold": 10, "email": True}
            said.post(live, f"/v2/accounts/{account}/alerts", alert)
            for text in (hook, own_hook):
                signed = {"Stripe-Signature": f"t=1,v1={text}"}
                said.keep(live.post("/webhooks/stripe", content=text, headers=signed))
            _plant_cards(said, live, account)
            chosen, token = planted("chosen"), planted("link")
            _plant_passwords(said, live, chosen, token)
            tried = f"/v2/webhook-deliveries/{delivery}"
            assert within(PATIENCE, lambda: said.get(live, tried)["attempts"])
            assert mail.asked.wait(PATIENCE)
            assert within(
                PATIENCE, lambda: any(one["attempts"] for one in said.get(live, "/v2/emails")["data"])
            )
            said.get(live, tried)
            lists = {"accounts", "events", "webhook-endpoints", "webhook-deliveries", "emails", "checkouts"}
            _read_all(said, live, {f"/v2/{name}" for name in lists})
            _read_all(said, test, {"/v2/audit-log"})
        words = [
            key,
            hook,
            password,
            own_key,
            own_hook,
            chosen,
            token,
            *shown,
            *CARDS,
            CARDS[1].replace(" ", "%20"),
        ]
        words += [
            base64.b64encode(f"\0ann\0{password}".encode()).decode(),
            base64.b64encode(password.encode()).decode(),
        ]
        words += [one.removeprefix("whsec_") for one in shown]
        _nowhere(words, "answers", said.text)
        rows = _rows(home)
        assert "ann@example.com" in rows
        _nowhere(words, "rows", rows)
        assert serving.stop() == 0
        _nowhere(words, "the log", serving.out + serving.err)
        for path in home.data.rglob("*"):
            if path.is_file() and path.name != "secret.key":
                _nowhere(words, str(path), _text(path))


def _plant_cards(said: "_Said", live: httpx2.Client, account: str) -> None:
    """In bodies of every dialect, a query, a header, a path."""
    for card in CARDS:
        note = {"account": account, "amount": 1, "description": card, "metadata": {"card": card}}
        bodies = [
            ("/v2/debits", note),
            ("/v2/batch", {"commands": [{"type": "debit", **note}]}),
            ("/v2/accounts", {"name": card, "external_id": card}),
            ("/v2/checkouts", {"account": account, "credits": {"amount": 5}, "metadata": {"pan": card}}),
            ("/v2/grants", {**note, "description": f"paid with card {card}"}),
            ("/api/customers", {"name": card, "email": "a@example.com"}),
            ("/api/usage", {"customerId": card, "usageMetric": card}),
            ("/api/invoices", {"card": card}),
            ("/auth/account/ledger", {"card": card}),
            ("/webhooks/stripe", {"card": {"number": card}}),
            ("/pay/co_x/y", {"card": card}),
            ("/nothing/here", {"card": card}),
        ]
        for path, body in bodies:
            said.keep(live.post(path, json=body))
            said.keep(live.post(path, content=json.dumps(body)[:-1]))
            said.keep(live.post(path, content=f"card={card}"))
        quoted = card.replace(" ", "%20")
        for path in (
            "/v2/accounts",
            "/api/customers",
            "/auth/account/ledger",
            "/pay/done",
            "/webhooks/stripe",
            "/x",
        ):
            said.keep(live.get(f"{path}?external_id={quoted}&type={quoted}"))
            said.keep(live.get(f"{path}/{quoted}"))
            said.keep(live.post(f"{path}/{quoted}?q={quoted}", json={}))
        for header in ("Idempotency-Key", "User-Agent", "X-App", "X-Request-Id", "Stripe-Signature"):
            for path, fields in (("/v2/accounts", {}), ("/v2/grants", {"account": account, "amount": 1})):
                said.keep(live.post(path, json=fields, headers={header: card}))
            said.keep(live.post("/webhooks/stripe", content="{}", headers={header: card}))
        said.keep(live.get(f"/v2/accounts/ext:{quoted}/balance"))
        said.keep(httpx2.get(f"{live.base_url}/v2/accounts", headers={"Authorization": f"Bearer {card}"}))


def _plant_passwords(said: "_Said", live: httpx2.Client, password: str, token: str) -> None:
    """Made, used, guessed, changed; and a link's token, in a body and a path."""
    user = {"email": "bob@example.com", "password": password}
    said.keep(live.post("/v2/users", json=user, headers={"Idempotency-Key": "bob"}))
    said.keep(live.post("/v2/users", json={**user, "nonsense": 1}))
    said.keep(live.post("/v2/auth/login", json={**user, "password": [password]}))
    said.keep(live.post("/v2/auth/login", json={"email": "ann@example.com", "password": password}))
    signed = live.post("/v2/auth/login", json=user).json()
    holder = {"Authorization": f"Bearer {signed['access']}"}
    for old, new in ((token, password), (password, "short"), (password, password + "!")):
        said.keep(live.post("/v2/auth/password/change", json={"old": old, "new": new}, headers=holder))
    reset = {"token": token, "password": password}
    said.keep(live.post("/v2/auth/password/reset", json=reset, headers={"Idempotency-Key": "reset"}))
    said.keep(live.post("/v2/auth/logout", json={"refresh": token}))
    said.keep(live.get(f"/password/{token}"))
    said.keep(live.post(f"/password/{token}", content=f"password={password}&again={password}"))


def _read_all(said: "_Said", client: httpx2.Client, wanted: set[str]) -> None:
    """Every GET of the API: lists first, of which these must have something, then what they name."""
    paths = [path for path, rows in said.get(client, "/v2/openapi.json")["paths"].items() if "get" in rows]
    found: dict[str, str] = {}
    for path in sorted(paths, key=lambda path: path.count("{")):
        if "{" not in path:
            rows = said.get(client, path).get("data") or []
            if rows and isinstance(rows[0], dict) and "id" in rows[0]:
                found[path] = rows[0]["id"]
        elif path.endswith("}") and path.rpartition("/")[0] in found:
            said.get(client, f"{path.rpartition('/')[0]}/{found[path.rpartition('/')[0]]}")
    assert wanted <= found.keys()
    for path in ("/v2/gateways/stripe", "/metrics", "/api/customers", "/api/invoices", "/api/subscriptions"):
        said.keep(client.get(path))


class _Said:
    """What the server answered."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    @property
    def text(self) -> str:
        return "\n".join(self._texts)

    def keep(self, answer: httpx2.Response) -> Any:
        assert answer.status_code < 500 or answer.status_code == 503, (str(answer.request.url), answer.text)
        self._texts += [str(answer.headers), answer.text]
        return answer

    def get(self, client: httpx2.Client, path: str) -> Any:
        return self.keep(client.get(path)).json()

    def post(self, client: httpx2.Client, path: str, body: Any) -> Any:
        return self.keep(client.post(path, json=body)).json()

    def put(self, client: httpx2.Client, path: str, body: Any) -> Any:
        return self.keep(client.put(path, json=body)).json()


def _rows(home: Home) -> str:
    """Every row of every table, as text."""
    tables = "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    with psycopg.connect(home.database_url()) as conn:
        found = [
            text
            for (table,) in conn.execute(tables).fetchall()
            for (text,) in conn.execute(sql.SQL("select t::text from {} t").format(sql.Identifier(table)))
        ]
    return "\n".join(found)


def _text(path: Path) -> str:
    return path.read_bytes().decode("latin-1")


def _nowhere(words: list[str], where: str, text: str) -> None:
    for word in words:
        at = text.find(word)
        assert at < 0, f"{word} is in {where}: {text[max(0, at - 300) : at + 100]}"
