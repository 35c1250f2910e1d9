"""The outbox of e-mail: written with the fact, sent once, tried again, given up, and found again after a kill."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import pytest

from tallystick.db.pool import Database
from tallystick.domain.mail import actions, jobs, views
from tallystick.domain.mail.model import Mail
from tallystick.domain.mail.port import MailDown, MailRefused, Message
from tallystick.kernel.errors import NotFound
from tests import cast

pytestmark = pytest.mark.anyio

LOW = {"credit_type": "Credits", "balance": "12.5", "threshold": "50"}


@dataclass
class Post:
    """A mailer that keeps what it took; ``faults`` come first."""

    faults: list[BaseException] = field(default_factory=list)
    taken: list[Message] = field(default_factory=list)

    async def send(self, message: Message) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.taken.append(message)


@pytest.fixture
async def tenant(db: Database) -> int:
    return (await cast.first_app(db)).app.live


async def write(db: Database, tenant: int, key: str = "low:1", to: str = "ann@acme.example") -> bool:
    async with db.tx() as tx:
        return await actions.queue(tx, tenant, "low_balance", to, key=key, values=LOW)


async def outbox(db: Database, tenant: int) -> list[Mail]:
    async with db.connection() as conn:
        return list((await views.mails(conn, tenant)).rows)


def pass_by(db: Database) -> None:
    """Let the pause until the next attempt be over."""
    with psycopg.connect(db.url) as conn:
        conn.execute("update mail set due_at = clock_timestamp() where due_at is not null")


async def test_a_message_is_written_once_and_only_with_its_fact(db: Database, tenant: int) -> None:
    with contextlib.suppress(RuntimeError):
        async with db.tx() as tx:
            assert await actions.queue(tx, tenant, "low_balance", "a@b.example", key="low:1", values=LOW)
            raise RuntimeError
    assert await outbox(db, tenant) == []
    assert await write(db, tenant)
    assert not await write(db, tenant)
    assert not await write(db, tenant, key="nobody", to="")
    [row] = await outbox(db, tenant)
    assert (row.kind, row.recipient, row.status, row.attempts) == (
        "low_balance",
        "ann@acme.example",
        "queued",
        0,
    )
    assert row.subject == "Your balance is low: 12.5 Credits left"


async def test_what_is_due_is_sent_and_marked(db: Database, tenant: int) -> None:
    await write(db, tenant)
    post = Post()
    assert await jobs.send_due(db, post) == 1
    assert await jobs.send_due(db, post) == 0
    [row] = await outbox(db, tenant)
    assert post.taken == [Message(row.id, "", "ann@acme.example", row.subject, row.body)]
    assert (row.status, row.attempts, row.error, row.due_at) == ("sent", 1, None, None)
    assert row.sent_at is not None


async def test_what_is_not_taken_now_is_tried_again(db: Database, tenant: int) -> None:
    await write(db, tenant)
    post = Post([MailDown("451 later"), OSError("a fault of the mailer")])
    await jobs.send_due(db, post)
    [row] = await outbox(db, tenant)
    assert (row.status, row.attempts, row.error) == ("queued", 1, "451 later")
    assert row.due_at is not None
    assert row.due_at > row.created_at
    assert await jobs.send_due(db, post) == 0
    pass_by(db)
    await jobs.send_due(db, post)
    assert [(row.attempts, row.error) for row in await outbox(db, tenant)] == [(2, "OSError")]
    pass_by(db)
    await jobs.send_due(db, post)
    assert [(row.status, row.attempts, row.error) for row in await outbox(db, tenant)] == [("sent", 3, None)]


async def test_what_is_refused_failed_at_once(db: Database, tenant: int) -> None:
    await write(db, tenant)
    await jobs.send_due(db, Post([MailRefused("550 no such user")]))
    pass_by(db)
    assert await jobs.send_due(db, Post()) == 0
    [row] = await outbox(db, tenant)
    assert (row.status, row.attempts, row.error) == ("failed", 1, "550 no such user")


async def test_it_is_given_up_in_the_end(db: Database, tenant: int) -> None:
    await write(db, tenant)
    post = Post([MailDown("no connection")] * 20)
    tries = 0
    while await jobs.send_due(db, post):
        tries += 1
        pass_by(db)
    [row] = await outbox(db, tenant)
    assert (row.status, row.attempts, row.error) == ("failed", tries, "no connection")
    assert tries == 10


async def test_a_kill_between_send_and_mark_sends_the_same_message_again(db: Database, tenant: int) -> None:
    await write(db, tenant)
    post = Post()
    sent = asyncio.Event()

    class Dying:
        async def send(self, message: Message) -> None:
            await post.send(message)
            sent.set()
            await asyncio.Event().wait()

    killed = asyncio.create_task(jobs.send_due(db, Dying()))
    async with asyncio.timeout(30):
        await sent.wait()
    killed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await killed
    # it stays the dead one's for a while
    assert await jobs.send_due(db, post) == 0
    pass_by(db)
    assert await jobs.send_due(db, post) == 1
    assert [message.id for message in post.taken] == [post.taken[0].id] * 2
    assert [(row.status, row.attempts) for row in await outbox(db, tenant)] == [("sent", 2)]


async def test_two_workers_at_once_send_each_message_once(db: Database, tenant: int) -> None:
    for number in range(60):
        await write(db, tenant, key=f"low:{number}")
    post = Post()
    while sum(await asyncio.gather(*(jobs.send_due(db, post, limit=7) for _ in range(4)))):
        pass
    assert len(post.taken) == len({message.id for message in post.taken}) == 60


async def test_one_that_hangs_holds_up_no_other(db: Database, tenant: int) -> None:
    for number in range(20):
        await write(db, tenant, key=f"low:{number}")
    post = Post()
    hanging = asyncio.Event()

    class Hanging:
        async def send(self, message: Message) -> None:
            if not hanging.is_set():
                hanging.set()
                await asyncio.Event().wait()
            await post.send(message)

    sending = asyncio.create_task(jobs.send_due(db, Hanging()))
    async with asyncio.timeout(30):
        while [row.status for row in await outbox(db, tenant)].count("sent") < 19:
            pass
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_messages_are_found_by_tenant_account_and_status(db: Database, tenant: int) -> None:
    acme = await cast.acme(db, tenant)
    other = (await cast.second_app(db)).live
    async with db.tx() as tx:
        for number in range(3):
            await actions.queue(
                tx,
                tenant,
                "low_balance",
                "ann@acme.example",
                key=str(number),
                values=LOW,
                account=acme.account_id if number else None,
                sender="Acme <billing@acme.example>",
            )
    await jobs.send_due(db, Post(), limit=1)
    async with db.connection() as conn:
        first = await views.mails(conn, tenant, limit=2)
        assert len(first.rows) == 2
        rest = await views.mails(conn, tenant, before=first.next_key)
        assert len(rest.rows) == 1
        assert rest.next_key is None
        rows = [*first.rows, *rest.rows]
        assert [row.place for row in rows] == sorted((row.place for row in rows), reverse=True)
        assert {row.sender for row in rows} == {"Acme <billing@acme.example>"}
        mine = (await views.mails(conn, tenant, account=acme.account_id)).rows
        assert [(row.account, row.account_uuid) for row in mine] == [(acme.account_id, acme.uuid)] * 2
        assert len((await views.mails(conn, tenant, status="sent")).rows) == 1
        assert len((await views.mails(conn, tenant, account=acme.account_id, status="queued")).rows) == 2
        assert await views.mail(conn, tenant, rows[0].id) == rows[0]
        assert (await views.mails(conn, other)).rows == []
        for stranger, id in ((other, rows[0].id), (tenant, UUID(int=1))):
            with pytest.raises(NotFound):
                await views.mail(conn, stranger, id)
