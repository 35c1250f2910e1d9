"""A real SMTP server that keeps what it takes and answers as a test wants it to."""

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OK = "250 OK"


@dataclass
class Mailbox:
    """``answers`` to DATA and ``rcpt`` to RCPT come first; then it takes everything."""

    port: int = 0
    answers: list[str] = field(default_factory=list)
    rcpt: list[str] = field(default_factory=list)
    envelopes: list[Any] = field(default_factory=list)
    secure: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        answer = self.rcpt.pop(0) if self.rcpt else OK
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else OK
        if answer == OK:
            self.envelopes.append(envelope)
            self.secure.append(session.ssl is not None)
        return answer


@contextlib.asynccontextmanager
async def served(
    *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, direct_tls: bool = False,
    login: tuple[str, str] | None = None,
) -> AsyncIterator[Mailbox]:  # fmt: skip
    """A server on a port of its own; ``tls``: offered by STARTTLS, or from the first byte."""
    box = Mailbox()
    loop = asyncio.get_running_loop()

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=(data.login.decode(), data.password.decode()) == login, handled=False)

    def protocol() -> SMTP:
        return SMTP(
            box,
            hostname="mail.test",
            enable_SMTPUTF8=True,
            tls_context=None if direct_tls else tls,
            auth_required=login is not None,
            auth_require_tls=False,
            authenticator=None if login is None else authenticate,
            loop=loop,
        )

    server = await loop.create_server(protocol, host, 0, ssl=tls if direct_tls else None)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()


@dataclass
class Certificate:
    """A server's certificate that signs itself, and who trusts it."""

    server: ssl.SSLContext
    trusting: ssl.SSLContext


def certificate(folder: Path) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(list(_names())), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "mail.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return Certificate(server, ssl.create_default_context(cafile=str(path)))


def _names() -> Iterator[x509.GeneralName]:
    yield x509.DNSName("localhost")
    for address in ("127.0.0.1", "0.0.0.0"):
        yield x509.IPAddress(ipaddress.ip_address(address))
