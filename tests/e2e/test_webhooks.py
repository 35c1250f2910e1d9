"""Webhooks of a running server: told, and told again by the next worker when one dies on the way."""

import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
import pytest
from standardwebhooks import Webhook

from .running import Home, within

PATIENCE = 60


class Receiver(ThreadingHTTPServer):
    """Takes webhooks; while ``holding`` it answers none."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.going = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The sender was killed: that is what is tested."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        if self.server.going.wait(PATIENCE):
            self.send_response(204)
            self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.going.set()
        made.shutdown()
        thread.join()


def test_told_again_after_a_kill(home: Home, receiver: Receiver) -> None:
    home.environment["TALLYSTICK_WEBHOOKS_ALLOW_PRIVATE"] = "1"
    serving = home.serve()
    assert "FOR DEVELOPMENT ONLY" in serving.err
    with serving.client(serving.key) as client:
        body = {"url": receiver.url, "types": ["test.ping"]}
        made = client.post("/v2/webhook-endpoints", json=body).json()
        sent = client.post(f"/v2/webhook-endpoints/{made['id']}/test").json()
        assert within(PATIENCE, lambda: len(receiver.got) == 1)
        # it was sent, and nobody knows what came of it
        [worker] = serving.children("worker")
        os.kill(worker, signal.SIGKILL)
        with psycopg.connect(home.database_url(), autocommit=True) as conn:
            conn.execute("update webhook_delivery set due_at = due_at - interval '60 s'")
        receiver.going.set()
        path = f"/v2/webhook-deliveries/{sent['id']}"
        assert within(PATIENCE, lambda: client.get(path).json()["status"] == "succeeded")
        shown = client.get(path).json()
    first, second = receiver.got
    assert first[1] == second[1]
    assert first[0]["webhook-id"] == second[0]["webhook-id"] == sent["event"]
    assert [one["number"] for one in shown["log"]] == [2]
    for headers, raw in receiver.got:
        said = Webhook(made["secret"]).verify(raw, headers)
        assert (said["event"], said["data"]["endpoint"]) == ("test.ping", made["id"])
    assert serving.stop() == 0
