"""E-mail as files: each whole, readable by any mail program, once for each message."""

import email.policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest

from tallystick.domain.mail import writing
from tallystick.domain.mail.port import MailDown, MailRefused, Message
from tallystick.gateways.email import FileMailer, mail_host
from tallystick.kernel.ids import typeid

pytestmark = pytest.mark.anyio

ID = UUID("019aa000-0000-7000-8000-000000000001")


def message(**fields: str) -> Message:
    values = {
        "sender": "Acme <billing@acme.example>",
        "recipient": "ann@customer.example",
        "subject": "Your balance is low",
        "body": "Hello,\n\n12.5 Credits are left.\n",
    }
    return Message(ID, **(values | fields))


def read(path: Path) -> EmailMessage:
    return BytesParser(policy=email.policy.default).parsebytes(path.read_bytes())


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def text_of(said: EmailMessage) -> str:
    return cast("str", said.get_content()).replace("\r\n", "\n")


async def test_a_message_is_a_file_of_its_id(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "mail"
    mailer = FileMailer(folder, "billing.example")
    await mailer.send(message())
    [path] = files(folder)
    assert path.name == f"{typeid('mail', ID)}.eml"
    assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    said = read(path)
    assert (said["From"], said["To"], said["Subject"]) == (
        "Acme <billing@acme.example>",
        "ann@customer.example",
        "Your balance is low",
    )
    assert said["Message-ID"] == f"<{typeid('mail', ID)}@billing.example>"
    assert said["Date"].datetime is not None
    assert text_of(said) == "Hello,\n\n12.5 Credits are left.\n"


async def test_who_reads_the_file_itself_finds_a_long_link_in_one_piece(tmp_path: Path) -> None:
    link = f"https://billing.{'a-long-name.' * 8}example/password/{'x' * 32}="
    await FileMailer(tmp_path, "billing.example").send(message(body=f"Zoë,\n\n{link}\n"))
    [path] = files(tmp_path)
    assert f"\r\n{link}\r\n" in path.read_bytes().decode()
    assert text_of(read(path)) == f"Zoë,\n\n{link}\n"


async def test_the_same_message_again_is_there_once(tmp_path: Path) -> None:
    mailer = FileMailer(tmp_path, "billing.example")
    await mailer.send(message())
    await mailer.send(message(subject="The same, again"))
    [path] = files(tmp_path)
    assert read(path)["Subject"] == "The same, again"


async def test_other_alphabets_arrive(tmp_path: Path) -> None:
    fields = {
        "sender": writing.sender("Ünïon, 株式会社", "billing@acme.example"),
        "subject": "Rechnung über 29,00 € — 請求書 " + "sehr lang " * 20 + "Ende",
        "body": "Grüße, 你好, مرحبا " + "x" * 2000 + "\n.\n",
    }
    await FileMailer(tmp_path, "billing.example").send(message(**fields))
    [path] = files(tmp_path)
    said = read(path)
    assert said["From"].addresses[0].addr_spec == "billing@acme.example"
    assert said["From"].addresses[0].display_name == "Ünïon, 株式会社"
    assert said["Subject"] == fields["subject"]
    assert text_of(said) == fields["body"]
    assert path.read_bytes().isascii() or max(map(len, path.read_bytes().splitlines())) <= 998


async def test_the_sender_is_ours_when_none_is_given(tmp_path: Path) -> None:
    await FileMailer(tmp_path, mail_host("https://billing.example/tally")).send(message(sender=""))
    [path] = files(tmp_path)
    assert read(path)["From"] == "Tallystick <noreply@billing.example>"
    assert mail_host("http://127.0.0.1:8000") == "[127.0.0.1]"
    assert mail_host("http://[::1]:8000") == "[IPv6:::1]"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x00", "\u2028", "\x85"])
@pytest.mark.parametrize("name", ["sender", "recipient", "subject"])
async def test_no_header_can_be_smuggled_in(tmp_path: Path, name: str, end: str) -> None:
    with pytest.raises(MailRefused):
        await FileMailer(tmp_path, "billing.example").send(
            message(**{name: f"a@b.example{end}Bcc: c@d.example"})
        )
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "word",
    ["=?utf-8?q?=0D=0ABcc:_c@d.example?=", "=?utf-8?b?DQpCY2M6IGNAZC5leGFtcGxl?=", "=?us-ascii?q?=0AX:_y?="],
)
async def test_no_header_can_be_smuggled_in_as_an_encoded_word(tmp_path: Path, word: str) -> None:
    await FileMailer(tmp_path, "billing.example").send(
        message(
            subject=f"Your plan {word} ends", sender=writing.sender(f"Acme {word}", "billing@acme.example")
        )
    )
    [path] = files(tmp_path)
    made = read(path)
    assert made["Bcc"] is None
    assert made["X"] is None
    assert "ends" in made["Subject"]
    assert made["From"].addresses[0].addr_spec == "billing@acme.example"


async def test_a_folder_that_cannot_be_written_is_for_later(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("not a folder")
    with pytest.raises(MailDown):
        await FileMailer(tmp_path / "mail", "billing.example").send(message())
