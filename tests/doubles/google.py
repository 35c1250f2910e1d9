"""Google's two answers about access tokens, on a port of this machine: people, tokens, and days on which it fails.

Written from https://developers.google.com/identity/openid-connect/reference and what `/tokeninfo` answers: numbers and
truth values are texts there, and JSON's own in `/v1/userinfo`.
"""

import itertools
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

CLIENT_ID = "428793-tallystick.apps.googleusercontent.com"

Outage = Literal["down", "slow", "html", "huge", "list", "cut", "busy", "redirect"]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    """Many who come at once are not turned away."""


@dataclass
class _Token:
    info: dict[str, Any]
    user: dict[str, Any]
    end: float


@dataclass
class GoogleDouble:
    """A running Google. ``outage`` says how it fails, at either address or at ``failing`` alone."""

    outage: Outage | None = None
    failing: str = ""
    """A path; empty: both."""
    client_id: str = CLIENT_ID
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for."""
    _tokens: dict[str, _Token] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The origin, for `Settings.google_url`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def token(
        self,
        *,
        sub: str = "10769150350006150715113082367",
        email: str | None = "ann@acme.example",
        first_name: str = "Ann",
        last_name: str = "Acme",
        aud: str | None = CLIENT_ID,
        azp: str | None = CLIENT_ID,
        verified: Any = True,
        expires_in: float = 3600,
        info: dict[str, Any] | None = None,
        user: dict[str, Any] | None = None,
    ) -> str:
        """A new access token. ``info`` and ``user`` are put over what the two addresses answer; None takes away."""
        name = "ya29.a0" + secrets.token_urlsafe(48)
        end = time.time() + expires_in
        token_info = {
            "azp": azp,
            "aud": aud,
            "sub": sub,
            "scope": "openid https://www.googleapis.com/auth/userinfo.email",
            "exp": str(int(end)),
            "email": email,
            "email_verified": "true" if verified in (True, "true") else "false",
            "access_type": "online",
        }
        claims = {
            "sub": sub,
            "name": f"{first_name} {last_name}",
            "given_name": first_name,
            "family_name": last_name,
            "picture": "https://lh3.googleusercontent.com/a/photo",
            "email": email,
            "email_verified": verified,
        }
        self._tokens[name] = _Token(token_info | (info or {}), claims | (user or {}), end)
        return name

    def revoke(self, token: str) -> None:
        del self._tokens[token]

    def answer(self, path: str, token: str) -> tuple[int, dict[str, Any]]:
        known = self._tokens.get(token)
        if known is None or known.end <= time.time():
            if path == "/tokeninfo":
                return 400, {"error": "invalid_token", "error_description": "Invalid Value"}
            return 401, {"error": "invalid_request", "error_description": "Invalid Credentials"}
        if path == "/v1/userinfo":
            return 200, _said(known.user)
        left = {"expires_in": str(int(known.end - time.time()))}
        return 200, _said(left | known.info)

    def wait(self) -> None:
        """Until the end of it all."""
        self._over.wait()


def _said(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _handler(google: GoogleDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            google.asked.append(parts.path)
            if google.outage is not None and google.failing in ("", parts.path):
                self.fail(google.outage)
            elif parts.path == "/tokeninfo":
                token = parse_qs(parts.query).get("access_token", [""])[0]
                self.say(*google.answer(parts.path, token))
            elif parts.path == "/v1/userinfo":
                token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
                self.say(*google.answer(parts.path, token))
            else:
                self.say(404, {"error": "not_found"})

        def fail(self, outage: Outage) -> None:
            match outage:
                case "down":
                    self.say(503, {"error": "backend_error"})
                case "busy":
                    self.say(429, {"error": "rate_limit_exceeded"})
                case "slow":
                    google.wait()
                    self.close_connection = True
                case "html":
                    self.send(200, b"<!doctype html><title>Sign in</title>", "text/html")
                case "list":
                    self.send(200, b'["sub"]')
                case "huge":
                    self.huge()
                case "cut":
                    self.send(200, b'{"sub": "1', length=1000)
                    self.close_connection = True
                case "redirect":
                    self.send(302, b"", headers={"Location": "/elsewhere"})

        def huge(self) -> None:
            """An answer without an end, until who asked has gone."""
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.close_connection = True
            for _ in itertools.count():
                try:
                    self.wfile.write(b" " * 16_384)
                except OSError:
                    return

        def say(self, status: int, body: dict[str, Any]) -> None:
            self.send(status, json.dumps(body).encode())

        def send(
            self,
            status: int,
            body: bytes,
            media: str = "application/json; charset=utf-8",
            *,
            length: int | None = None,
            headers: dict[str, str] | None = None,
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the address has a token."""

    return Handler
