"""E-mail: over SMTP, or as files in a folder where there is no server. Both implement `domain.mail.port.Mailer`."""

import asyncio
import contextlib
import ipaddress
import os
import secrets
import ssl
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import localtime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

from tallystick.domain.mail.port import MailDown, MailRefused, Message
from tallystick.kernel.ids import typeid

TIMEOUT: Final = 30.0
"""Seconds for each answer of the server."""
PARTING: Final = 2.0
_LINE: Final = 998  # bytes of a line as mail may have it (RFC 5322)


@dataclass(frozen=True, slots=True)
class _Server:
    host: str
    port: int | None
    tls: bool
    username: str | None
    password: str | None = field(repr=False)

    @property
    def loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class SmtpMailer:
    """Hands messages to the server of a URL, each over a connection of its own.

    ``smtps://`` is TLS from the first byte. ``smtp://`` goes over to TLS before anything is said, which only a server
    on this machine may leave out; certificates are verified, but not this machine's own.
    """

    def __init__(self, url: str, host: str, *, tls: ssl.SSLContext | None = None) -> None:
        """``host`` is ours, for the sender's address and Message-IDs; ``tls`` is by default the system's."""
        parts = urlsplit(url)
        self._server = _Server(
            parts.hostname or "",
            parts.port,
            parts.scheme == "smtps",
            None if parts.username is None else unquote(parts.username),
            None if parts.password is None else unquote(parts.password),
        )
        self._host = host
        self._tls = tls

    async def send(self, message: Message) -> None:
        """Raises MailRefused when the server refuses this message for good, MailDown for whatever may pass."""
        text = compose(message, self._host)
        client = self._client()
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            # nothing was said of the message yet: a wrong password must not lose everybody's mail
            raise MailDown(_said(error)) from None
        try:
            await client.send_message(
                text, sender=text["From"].addresses[0].addr_spec, recipients=[message.recipient]
            )
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            raise (MailRefused if _final(error) else MailDown)(_said(error)) from None
        finally:
            # taken or not was said already: a server that is slow to part must not change it
            with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await client.quit(timeout=PARTING)
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            local_hostname=self._host,
            timeout=TIMEOUT,
            use_tls=server.tls,
            # None: where the server offers it
            start_tls=False if server.tls else None if server.loopback else True,
            validate_certs=not server.loopback,
            tls_context=self._tls,
        )


class FileMailer:
    """Writes messages as ``.eml`` files (RFC 5322) into a folder; the same message again overwrites its file."""

    def __init__(self, folder: Path, host: str) -> None:
        self._folder = folder
        self._host = host

    async def send(self, message: Message) -> None:
        """Raises MailRefused, and MailDown when the file cannot be written."""
        text = compose(message, self._host, whole_lines=True).as_bytes()
        try:
            await asyncio.to_thread(self._write, f"{typeid('mail', message.id)}.eml", text)
        except OSError as error:
            raise MailDown(f"the file could not be written: {error.strerror}") from None

    def _write(self, name: str, text: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = self._folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        try:
            descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                file.write(text)
                os.fsync(file.fileno())
            # whole or not there, whoever reads the folder meanwhile
            own.replace(self._folder / name)
        finally:
            own.unlink(missing_ok=True)


def mail_host(public_url: str) -> str:
    """The part after the @ of our own addresses: the host that the world knows, an address in brackets (RFC 5321)."""
    host = urlsplit(public_url).hostname or "localhost"
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return host
    return f"[{host}]" if version == 4 else f"[IPv6:{host}]"


def compose(message: Message, host: str, *, whole_lines: bool = False) -> EmailMessage:
    """The message as it goes out. Raises MailRefused for what no header can carry, such as a line's end.

    ``whole_lines`` leaves the text as it is, for who reads the file itself: a long link is in one piece.

    Text that looks like an encoded word (RFC 2047) is set apart: the library would decode it, line ends and all.
    """
    text = EmailMessage(policy=SMTP_POLICY)
    headers = {
        "From": message.sender or f"Tallystick <noreply@{host}>",
        "To": message.recipient,
        "Subject": message.subject,
        "Message-ID": f"<{typeid('mail', message.id)}@{host}>",
        "Auto-Submitted": "auto-generated",
    }
    for name, value in headers.items():
        if not value.isprintable():
            raise MailRefused(f"{name} holds control characters")
        if name != "To":  # there it would be another address
            value = value.replace("=?", "= ?")
        try:
            text[name] = value
        except (ValueError, MessageError, IndexError):
            raise MailRefused(f"{name} cannot be written as a header") from None
        if not str(text[name]).isprintable():
            raise MailRefused(f"{name} holds control characters")
    # one address each, and nothing beside it: what is said to the server is what the header shows
    if len(text["From"].addresses) != 1 or [one.addr_spec for one in text["To"].addresses] != [
        message.recipient
    ]:
        raise MailRefused("there must be one sender and one recipient")
    text["Date"] = localtime()
    try:
        longest = max(map(len, message.body.encode().splitlines()), default=0)
        text.set_content(message.body, cte="8bit" if whole_lines and longest <= _LINE else None)
    except UnicodeError:
        raise MailRefused("the body is not text") from None
    return text


def _final(error: Exception) -> bool:
    """Whether the server will say the same of this message for ever (RFC 5321, 4.2.1)."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(one.code >= 500 for one in error.recipients)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        # 530: it wants a password, which is our setting and not the message
        return error.code >= 500 and error.code != 530
    return isinstance(error, aiosmtplib.SMTPNotSupported | ValueError)


def _said(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return "; ".join(f"{one.code} {one.message}" for one in error.recipients)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return f"the server did not accept our password ({error.code})"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or type(error).__name__
