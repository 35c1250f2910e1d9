"""What a receiver is sent, and how it can tell from whom."""

import json

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tallystick.domain.identity import views as identity
from tallystick.domain.identity.vault import Vault
from tallystick.domain.webhooks import actions, jobs, replays, views
from tallystick.domain.webhooks.port import Outcome
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import typeid
from tests.doubles.receivers import DOWN, OK, Sent

from .conftest import Post

pytestmark = pytest.mark.anyio


async def test_verified_by_the_library(post: Post) -> None:
    issued = await post.issue()
    await post.happen("Zoë", account=7)
    await post.deliver()
    [sent] = post.receivers.sent
    body = Webhook(issued.secret).verify(sent.body, sent.headers)
    async with post.db.connection() as conn:
        app = (await identity.tenant(conn, post.tenant)).app_id
    assert body == {
        "event": "invoice.paid",
        "data": {"n": "Zoë"},
        "timestamp": body["timestamp"],
        "app_id": typeid("app", app),
    }
    [row] = await post.deliveries()
    assert sent.id == typeid("evt", row.event)
    assert (sent.headers["x-webhook-event"], sent.attempt) == ("invoice.paid", 1)
    assert sent.headers["content-type"] == "application/json"


async def test_two_secrets_are_valid_during_a_rotation(post: Post) -> None:
    issued = await post.issue()

    async def rotate(overlap: int) -> str:
        async with post.db.tx() as tx:
            made = await actions.rotate_secret(
                tx, post.vault, post.tenant, issued.endpoint.id, overlap=overlap, by="test"
            )
        return made.secret

    async def knows(secret: str) -> bool:
        await post.happen(1)
        await post.deliver()
        sent = post.receivers.sent[-1]
        try:
            return bool(Webhook(secret).verify(sent.body, sent.headers))
        except WebhookVerificationError:
            return False

    second = await rotate(3600)
    assert await knows(issued.secret)
    assert await knows(second)
    post.pass_time(3601)
    assert not await knows(issued.secret)
    assert await knows(second)
    third = await rotate(0)
    assert not await knows(second)
    assert await knows(third)


async def test_the_same_bytes_each_time(post: Post) -> None:
    endpoint = await post.endpoint()
    post.receivers.answers[endpoint.url] = lambda sent: DOWN if sent.attempt < 3 else OK
    await post.happen({"b": "9.00", "a": ["ü", None, 1.5e300]})
    for _ in range(3):
        await post.deliver()
        post.pass_time(86_400)
    [row] = await post.deliveries()
    async with post.db.tx() as tx:
        await replays.replay(tx, post.tenant, row.id, by="test")
    await post.deliver()
    assert [sent.attempt for sent in post.receivers.sent] == [1, 2, 3, 4]
    assert len({(sent.id, sent.body) for sent in post.receivers.sent}) == 1
    assert json.loads(post.receivers.sent[0].body)["data"]["n"] == {"b": "9.00", "a": ["ü", None, 1.5e300]}


async def test_the_log(post: Post) -> None:
    endpoint = await post.endpoint()
    answer = Outcome(
        500, [("x-trace", "7"), ("Set-Cookie", "s=planted")], b"\0\xff" + b"x" * 9000, seconds=0.25
    )
    post.receivers.answers[endpoint.url] = lambda sent: answer if sent.attempt == 1 else OK
    await post.happen(1)
    await post.deliver()
    post.pass_time(60)
    await post.deliver()
    [row] = await post.deliveries()
    assert (row.status, row.attempts, row.last_status, row.last_error) == ("succeeded", 2, 200, None)
    async with post.db.connection() as conn:
        first, second = await views.attempts(conn, row)
    assert (first.number, first.status, first.error, first.duration_ms) == (1, 500, "http_error", 250)
    assert first.response_headers == [["x-trace", "7"], ["Set-Cookie", "(hidden)"]]
    assert first.response_body.startswith("\ufffdx")
    assert len(first.response_body) < 4097
    assert (second.number, second.status, second.error) == (2, 200, None)
    assert first.url == endpoint.url
    signatures = [sent.headers["webhook-signature"] for sent in post.receivers.sent]
    kept = str(post.rows("select * from webhook_attempt"))
    assert not any(one in kept for one in [*signatures, "planted"])


async def test_no_secret_in_the_database(post: Post) -> None:
    issued = await post.issue()
    async with post.db.tx() as tx:
        second = await actions.rotate_secret(
            tx, post.vault, post.tenant, issued.endpoint.id, overlap=60, by="test"
        )
    await post.happen(1)
    await post.deliver()
    tables = [
        row["name"]
        for row in post.rows("select tablename as name from pg_tables where schemaname = 'public'")
    ]
    for table in tables:
        kept = str(post.rows(f"select t::text, t.* from {table} t"))
        for secret in (issued.secret, second.secret):
            assert secret.removeprefix("whsec_") not in kept, table


async def test_another_server_key_loses_nothing(post: Post) -> None:
    """Deliveries fail, are said to, and go when the key is the right one again."""
    await post.endpoint()
    await post.happen(1)
    await jobs.fan_out(post.db)
    assert await jobs.deliver_due(post.db, post.receivers, Vault(bytes(32))) >= 1
    [row] = await post.deliveries()
    assert (row.status, row.last_error) == ("pending", "not_signed")
    assert post.receivers.sent == []
    post.pass_time(60)
    assert await post.deliver() == 1
    [sent] = post.receivers.sent
    assert sent.attempt > 1


async def test_a_deleted_endpoint_is_sent_nothing_more(post: Post) -> None:
    endpoint = await post.endpoint()

    async def delete(sent: Sent) -> Outcome:
        async with post.db.tx() as tx:
            await actions.delete_endpoint(tx, post.tenant, endpoint.id, by="test")
        return DOWN

    post.receivers.answers[endpoint.url] = delete
    await post.happen(1)
    assert await post.deliver() == 1
    [row] = await post.deliveries()
    assert row.status == "cancelled"
    post.pass_time(3600)
    assert await post.deliver() == 0
    async with post.db.tx() as tx:
        with pytest.raises(NotFound):
            await replays.replay(tx, post.tenant, row.id, by="test")
    assert post.rows("select secret, previous_secret from webhook_endpoint") == [
        {"secret": b"", "previous_secret": None}
    ]
