"""E-mail over SMTP, with a real server: what is taken, what is for later, what is refused, and what is never said."""

import email.policy
import socket
from email.parser import BytesParser
from pathlib import Path
from uuid import UUID

import pytest

from tallystick.db.pool import Database
from tallystick.domain.mail import actions, jobs, views
from tallystick.domain.mail.port import MailDown, MailRefused, Message
from tallystick.gateways.email import SmtpMailer
from tallystick.kernel.ids import typeid
from tests import cast

from .mailbox import certificate, served

pytestmark = pytest.mark.anyio

ID = UUID("019aa000-0000-7000-8000-000000000001")


def message(**fields: str) -> Message:
    values = {
        "sender": "Acme <billing@acme.example>",
        "recipient": "ann@customer.example",
        "subject": "Your balance is low",
        "body": "Hello,\n\n12.5 Credits are left.\n.\n",
    }
    return Message(ID, **(values | fields))


async def test_a_message_is_taken(tmp_path: Path) -> None:
    async with served() as box:
        await SmtpMailer(f"smtp://127.0.0.1:{box.port}", "billing.example").send(message())
    [envelope] = box.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("billing@acme.example", ["ann@customer.example"])
    said = BytesParser(policy=email.policy.default).parsebytes(envelope.content)
    assert (said["From"], said["To"], said["Subject"]) == (
        "Acme <billing@acme.example>",
        "ann@customer.example",
        "Your balance is low",
    )
    assert said["Message-ID"] == f"<{typeid('mail', ID)}@billing.example>"
    assert said.get_content().replace("\r\n", "\n") == "Hello,\n\n12.5 Credits are left.\n.\n"


async def test_a_foreign_address_is_taken_too() -> None:
    async with served() as box:
        await SmtpMailer(f"smtp://127.0.0.1:{box.port}", "billing.example").send(
            message(recipient="änn@customer.example", subject="Über 29,00 €")
        )
    [envelope] = box.envelopes
    assert envelope.rcpt_tos == ["änn@customer.example"]


@pytest.mark.parametrize("answer", ["451 try again later", "452 mailbox full"])
async def test_what_is_said_for_now_is_for_later(answer: str) -> None:
    async with served() as box:
        mailer = SmtpMailer(f"smtp://127.0.0.1:{box.port}", "billing.example")
        box.answers = [answer]
        with pytest.raises(MailDown, match=answer):
            await mailer.send(message())
        box.rcpt = [answer]
        with pytest.raises(MailDown, match=answer):
            await mailer.send(message())
        await mailer.send(message())
    assert len(box.envelopes) == 1


async def test_what_is_said_for_good_is_refused() -> None:
    async with served() as box:
        mailer = SmtpMailer(f"smtp://127.0.0.1:{box.port}", "billing.example")
        box.rcpt = ["550 no such user"]
        with pytest.raises(MailRefused, match="550 no such user"):
            await mailer.send(message())
        box.answers = ["554 spam"]
        with pytest.raises(MailRefused, match="554 spam"):
            await mailer.send(message())
    assert box.envelopes == []


@pytest.mark.parametrize(
    "recipient",
    [
        "a@b.example\r\nRCPT TO:<c@d.example>",
        "a@b.example> <c@d.example",
        "a@b.example, c@d.example",
        "",
    ],
)
async def test_no_command_can_be_smuggled_in(recipient: str) -> None:
    async with served() as box:
        with pytest.raises(MailRefused):
            await SmtpMailer(f"smtp://127.0.0.1:{box.port}", "billing.example").send(
                message(recipient=recipient)
            )
    assert box.envelopes == []


async def test_nobody_there_is_for_later() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(MailDown):
        await SmtpMailer(f"smtp://127.0.0.1:{port}", "billing.example").send(message())


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_a_password_is_given_as_the_url_has_it() -> None:
    async with served(login=("us@er", "p:w/d")) as box:
        right = SmtpMailer(f"smtp://us%40er:p%3Aw%2Fd@127.0.0.1:{box.port}", "billing.example")
        await right.send(message())
        wrong = SmtpMailer(f"smtp://us%40er:verysecret@127.0.0.1:{box.port}", "billing.example")
        with pytest.raises(MailDown) as caught:
            await wrong.send(message())
        assert "verysecret" not in str(caught.value)
        assert "535" in str(caught.value)
        with pytest.raises(MailDown):  # 530: it is the setting that is wrong, not the message
            await SmtpMailer(f"smtp://127.0.0.1:{box.port}", "billing.example").send(message())
    assert len(box.envelopes) == 1


async def test_tls_is_used_where_it_is_offered(tmp_path: Path) -> None:
    certified = certificate(tmp_path)
    async with served(tls=certified.server) as box:
        # this machine's own certificate need not be one that the world trusts
        await SmtpMailer(f"smtp://127.0.0.1:{box.port}", "billing.example").send(message())
    async with served(tls=certified.server, direct_tls=True) as direct:
        await SmtpMailer(f"smtps://localhost:{direct.port}", "billing.example", tls=certified.trusting).send(
            message()
        )
    assert (box.secure, len(direct.envelopes)) == ([True], 1)


async def test_elsewhere_nothing_is_said_without_tls(tmp_path: Path) -> None:
    certified = certificate(tmp_path)
    # an address that is not loopback, and yet here
    async with served(host="0.0.0.0") as plain:
        with pytest.raises(MailDown):
            await SmtpMailer(f"smtp://0.0.0.0:{plain.port}", "billing.example").send(message())
    async with served(host="0.0.0.0", tls=certified.server) as box:
        with pytest.raises(MailDown):  # nobody we trust has signed it
            await SmtpMailer(f"smtp://0.0.0.0:{box.port}", "billing.example").send(message())
        await SmtpMailer(f"smtp://0.0.0.0:{box.port}", "billing.example", tls=certified.trusting).send(
            message()
        )
    assert (plain.envelopes, box.secure) == ([], [True])


async def test_the_outbox_goes_through_it(db: Database) -> None:
    tenant = (await cast.first_app(db)).app.live
    values = {"credit_type": "Credits", "balance": "12.5", "threshold": "50"}
    async with db.tx() as tx:
        for number, to in enumerate(("ann@customer.example", "bob@customer.example")):
            await actions.queue(tx, tenant, "low_balance", to, key=str(number), values=values)
    async with served() as box:
        box.rcpt = ["550 no such user"]
        mailer = SmtpMailer(f"smtp://127.0.0.1:{box.port}", "billing.example")
        assert await jobs.send_due(db, mailer) == 2
    async with db.connection() as conn:
        rows = (await views.mails(conn, tenant)).rows
    assert sorted(row.status for row in rows) == ["failed", "sent"]
    [sent] = [row for row in rows if row.status == "sent"]
    [envelope] = box.envelopes
    assert envelope.rcpt_tos == [sent.recipient]
    assert envelope.mail_from == "noreply@billing.example"
