"""Failures: tried again over three days, given up, and endpoints that are switched off."""

import pytest

from tallystick.domain.identity import views as identity
from tallystick.domain.webhooks import jobs, replays, schedule
from tallystick.domain.webhooks.port import Outcome
from tallystick.domain.webhooks.sending import Courier
from tallystick.kernel.errors import Conflict
from tests import cast
from tests.doubles.receivers import DOWN, LATER, OK, Answer

from .conftest import Post

pytestmark = pytest.mark.anyio

LONGEST = 2 * 86_400


def always(outcome: Outcome) -> Answer:
    return lambda sent: outcome


async def waits(post: Post) -> list[float]:
    """Seconds from the last try of each delivery that is pending to its next; never less than was decided."""
    rows = post.rows(
        "select extract(epoch from d.due_at - a.at)::float8 as wait from webhook_delivery d"
        " join webhook_attempt a on a.delivery_place = d.place and a.number = d.attempts"
        " where d.status = 'pending'"
    )
    return [float(row["wait"]) for row in rows]


async def test_thirteen_tries(post: Post) -> None:
    endpoint = await post.endpoint()
    post.receivers.answers[endpoint.url] = always(Outcome(500))
    await post.happen(1)
    await post.deliver()
    while wait := await waits(post):
        [failed] = post.rows("select failures as n from webhook_delivery")
        assert wait[0] >= schedule.DELAYS[failed["n"] - 1]
        post.rows("update webhook_delivery set due_at = clock_timestamp()")
        await post.deliver()
    [row] = await post.deliveries()
    assert (row.status, row.attempts, row.due_at) == ("failed", 13, None)
    assert row.ended_at is not None
    post.pass_time(LONGEST)
    assert await post.deliver() == 0
    # time stood still but for the retries: the endpoint was not failing for three days
    assert (await post.see(endpoint.id)).enabled
    post.receivers.answers[endpoint.url] = always(DOWN)
    async with post.db.tx() as tx:
        again = await replays.replay(tx, post.tenant, row.id, by="test")
    assert again.status == "pending"
    assert await post.deliver() == 1
    assert post.rows("select failures, attempts from webhook_delivery") == [{"failures": 1, "attempts": 14}]
    assert [sent.attempt for sent in post.receivers.sent] == list(range(1, 15))


async def test_only_2xx_is_success(post: Post) -> None:
    statuses = (199, 200, 204, 299, 300, 302, 307, 400, 404, 429, 500, 503)
    for status in statuses:
        endpoint = await post.endpoint(f"https://r{status}.example/")
        outcome = Outcome(status, [("location", "https://other.example/"), LATER])
        post.receivers.answers[endpoint.url] = always(outcome)
    await post.happen(1)
    assert await post.deliver() == len(statuses)
    rows = await post.deliveries()
    assert {row.last_status: row.status for row in rows} == {
        status: "succeeded" if 200 <= status < 300 else "pending" for status in statuses
    }
    assert not any("other" in sent.url for sent in post.receivers.sent)


async def test_retry_after_is_honoured_up_to_a_limit(post: Post) -> None:
    for said in ("600", "999999999", "1", "soon"):
        endpoint = await post.endpoint(f"https://r{said}.example/")
        post.receivers.answers[endpoint.url] = always(Outcome(503, [("Retry-After", said)]))
    await post.happen(1)
    await jobs.fan_out(post.db)
    async with Courier(post.db, post.receivers, post.vault, chance=lambda: 0) as courier:
        await courier.run()
    found = sorted(await waits(post))
    # a slow machine adds to each, and never so much
    for wait, least in zip(found, (5, 5, 600, 21_600), strict=True):
        assert least <= wait < least + 300


async def test_gone_is_disabled_at_once(post: Post) -> None:
    endpoint = await post.endpoint(description="The old shop")
    other = await post.endpoint("https://other.example/", types=["webhook_endpoint.disabled"])
    await cast.make_user(post.db, post.tenant, "ops@example.com", staff=True)
    post.receivers.answers[endpoint.url] = lambda sent: Outcome(410)
    await post.happen(1)
    await post.deliver()
    seen = await post.see(endpoint.id)
    assert (seen.enabled, seen.disabled_reason) == (False, "gone")
    await post.happen(2)
    await post.deliver()
    assert post.receivers.said(endpoint.url) == [1]
    [told] = [sent for sent in post.receivers.sent if sent.url == other.url]
    assert told.headers["x-webhook-event"] == "webhook_endpoint.disabled"
    async with post.db.connection() as conn:
        staff = await identity.staff_emails(conn, post.tenant)
    mails = post.rows("select recipient, subject, body from mail order by recipient")
    assert [row["recipient"] for row in mails] == sorted(staff)
    assert "ops@example.com" in staff
    assert mails[0]["subject"] == f"A webhook endpoint was disabled: {endpoint.url}"
    assert "410 Gone" in mails[0]["body"]
    [entry] = post.rows(
        "select actor, target, details from audit_log where action = 'webhook_endpoint.disable'"
    )
    assert (entry["actor"], entry["target"]) == ("system", f"we:{endpoint.id}")
    assert entry["details"] == {"reason": "gone", "failures": 1}
    # enabled again, what was pending goes; what happened meanwhile is for a replay
    post.receivers.answers[endpoint.url] = lambda sent: OK
    enabled = await post.update(endpoint, enabled=True)
    assert (enabled.disabled_reason, enabled.failures, enabled.failing_since) == (None, 0, None)
    post.pass_time(60)
    await post.deliver()
    assert post.receivers.said(endpoint.url) == [1, 1]


async def test_disabled_after_nothing_but_failures_for_days(post: Post) -> None:
    endpoint = await post.endpoint()
    post.receivers.answers[endpoint.url] = lambda sent: DOWN
    await post.happen(1)
    for _ in range(20):
        await post.deliver()
        if not (await post.see(endpoint.id)).enabled:
            break
        post.pass_time(LONGEST / 4)
    seen = await post.see(endpoint.id)
    assert (seen.enabled, seen.disabled_reason) == (False, "failing")
    assert seen.failures == schedule.LEAST_FAILURES
    with_mail = post.rows("select body from mail")
    assert all("more than three days" in row["body"] for row in with_mail)
    assert with_mail
    # a second endpoint never heard of it: there was none
    assert post.rows("select type from event where type like 'webhook%%'") == [
        {"type": "webhook_endpoint.disabled"}
    ]
    [row] = await post.deliveries()
    async with post.db.tx() as tx:
        with pytest.raises(Conflict, match="disabled"):
            await replays.replay(tx, post.tenant, row.id, by="test")


async def test_one_success_makes_it_well(post: Post) -> None:
    endpoint = await post.endpoint()
    post.receivers.answers[endpoint.url] = lambda sent: OK if sent.said == "fine" else DOWN
    await post.happen("bad")
    for _ in range(8):
        await post.deliver()
        post.pass_time(LONGEST)
    assert (await post.see(endpoint.id)).failures == 8
    await post.happen("fine")
    await post.deliver()
    seen = await post.see(endpoint.id)
    assert seen.enabled
    # the other failed for the last time in the same breath, or after it
    assert seen.failures <= 1


async def test_ten_failures_in_an_hour_disable_nothing(post: Post) -> None:
    endpoint = await post.endpoint()
    post.receivers.answers[endpoint.url] = lambda sent: DOWN
    await post.happen(*range(40))
    await post.deliver()
    seen = await post.see(endpoint.id)
    assert (seen.enabled, seen.failures) == (True, 40)
    assert seen.failing_since is not None
