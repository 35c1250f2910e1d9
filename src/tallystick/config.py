"""Settings: the environment is read once, here, and nowhere else."""

import base64
import binascii
import contextlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose. Command line options win over the environment."""

    host: str = "127.0.0.1"
    port: int = 8000
    data: Path = Path("data")
    database_url: str | None = None
    """Any PostgreSQL 15 or newer; None: the embedded one under ``data``."""
    workers: int = 1
    """Server processes."""
    worker: bool = True
    """Whether `serve` also starts the worker that runs jobs."""
    public_address: str | None = None
    """Where the world reaches this server (scheme and host, perhaps a path); None: where it listens."""
    secret_key: bytes | None = field(default=None, repr=False)
    """32 bytes that seal the secrets in the database; None: those of ``data/secret.key``, made by the first start."""
    stripe_secret_key: str = field(default="", repr=False)
    """The live app's, unless its own gateway settings say another."""
    stripe_webhook_secret: str = field(default="", repr=False)
    stripe_api_base: str = ""
    """Another address for Stripe's API."""
    smtp_url: str = field(default="", repr=False)
    """``smtp://user:password@host:587`` (STARTTLS) or ``smtps://``; without one mail is written to ``data/mail``."""
    webhooks_allow_private: bool = False
    """Development only: webhooks may go to private addresses, and without TLS."""
    google_client_ids: tuple[str, ...] = ()
    """For whom Google's access tokens must be made out; none: nobody signs in with Google."""
    google_url: str = ""
    """Another origin for Google's ``/tokeninfo`` and ``/v1/userinfo``."""
    play_store_url: str = ""
    """Another origin for Google Play's own."""
    app_store_url: str = ""
    """Another origin for Apple's documented ``/search`` and ``/lookup``."""
    play_store_rate: int | None = None
    """Requests a minute that each process sends to Google Play at most; None: what its own origin bears, and no bound
    at another."""
    app_store_rate: int | None = None
    """The same for Apple's."""
    default_app: str = ""
    """``<app id>[:test]``: whose is a request without a credential that names no app; empty: the first app, live."""
    practice_open: bool = False
    """Whether the practice contract answers without a credential."""
    cors_allowed_origins: tuple[str, ...] = ()
    """Origins whose pages may call this server from a browser; ``*`` is any."""

    @property
    def public_url(self) -> str:
        """Where links in pages and mail lead, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_address or f"http://{host}:{self.port}"

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Settings from ``TALLYSTICK_*``. Raises ValueError that names the variable."""
        port = environ.get("TALLYSTICK_PORT", "8000")
        if not (port.isascii() and port.isdigit() and int(port) <= 65535):
            raise ValueError(f"TALLYSTICK_PORT must be a port number, not {port!r}")
        return cls(
            host=environ.get("TALLYSTICK_HOST", "127.0.0.1"),
            port=int(port),
            data=Path(environ.get("TALLYSTICK_DATA", "data")),
            database_url=environ.get("TALLYSTICK_DATABASE_URL") or None,
            public_address=_address(environ, "TALLYSTICK_PUBLIC_URL"),
            secret_key=_secret_key(environ),
            stripe_secret_key=environ.get("TALLYSTICK_STRIPE_SECRET_KEY", ""),
            stripe_webhook_secret=environ.get("TALLYSTICK_STRIPE_WEBHOOK_SECRET", ""),
            stripe_api_base=_address(environ, "TALLYSTICK_STRIPE_API_BASE") or "",
            smtp_url=_smtp_url(environ),
            webhooks_allow_private=_switch(environ, "TALLYSTICK_WEBHOOKS_ALLOW_PRIVATE"),
            google_client_ids=_listed(environ, "TALLYSTICK_GOOGLE_CLIENT_ID"),
            google_url=_address(environ, "TALLYSTICK_GOOGLE_URL") or "",
            play_store_url=_address(environ, "TALLYSTICK_PLAY_STORE_URL") or "",
            app_store_url=_address(environ, "TALLYSTICK_APP_STORE_URL") or "",
            play_store_rate=_rate(environ, "TALLYSTICK_PLAY_STORE_RATE"),
            app_store_rate=_rate(environ, "TALLYSTICK_APP_STORE_RATE"),
            default_app=environ.get("TALLYSTICK_DEFAULT_APP", "").strip(),
            practice_open=_switch(environ, "TALLYSTICK_PRACTICE_OPEN"),
            cors_allowed_origins=_origins(environ, "CORS_ALLOWED_ORIGINS"),
        )


def secret_key(settings: Settings) -> bytes:
    """The key that seals stored secrets: the setting's, or that of the data folder, made when there is none.

    Raises ValueError when the file does not hold one, OSError.
    """
    if settings.secret_key is not None:
        return settings.secret_key
    path = settings.data / "secret.key"
    with contextlib.suppress(FileExistsError):
        settings.data.mkdir(parents=True, exist_ok=True)
        # written whole beside it and linked into place: two first starts at once agree on one key
        own = path.with_name(f".secret.key.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                file.write(base64.b64encode(secrets.token_bytes(32)))
                os.fsync(file.fileno())
            os.link(own, path)
        finally:
            own.unlink(missing_ok=True)
    return _key_of(path.read_text("ascii").strip(), str(path))


def _secret_key(environ: Mapping[str, str]) -> bytes | None:
    text = environ.get("TALLYSTICK_SECRET_KEY", "")
    return _key_of(text, "TALLYSTICK_SECRET_KEY") if text else None


def _key_of(text: str, what: str) -> bytes:
    with contextlib.suppress(ValueError, binascii.Error):
        key = base64.b64decode(text, validate=True)
        if len(key) == 32:
            return key
    raise ValueError(f"{what} must be the base64 of 32 bytes")


def _address(environ: Mapping[str, str], name: str) -> str | None:
    text = environ.get(name, "").rstrip("/")
    if not text:
        return None
    with contextlib.suppress(ValueError):
        parts = urlsplit(text)
        if parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment:
            return text
    raise ValueError(f"{name} must be an address such as https://billing.example.com, not {text!r}")


def _listed(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in environ.get(name, "").split(",") if part.strip())


def _origins(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Origins as browsers send them: in lower case, without a path."""
    found = []
    for text in _listed(environ, name):
        origin = text.rstrip("/").lower()
        with contextlib.suppress(ValueError):
            parts = urlsplit(origin)
            _ = parts.port  # raises for one that is no number
            if origin == "*" or (
                parts.scheme in ("http", "https")
                and parts.hostname
                and origin == f"{parts.scheme}://{parts.netloc}"
            ):
                found.append(origin)
                continue
        raise ValueError(f"{name} must list origins such as https://app.example.com, not {text!r}")
    return tuple(found)


def _rate(environ: Mapping[str, str], name: str) -> int | None:
    text = environ.get(name, "")
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text):
        return int(text)
    raise ValueError(f"{name} must be a number of requests a minute, not {text!r}")


def _smtp_url(environ: Mapping[str, str]) -> str:
    text = environ.get("TALLYSTICK_SMTP_URL", "")
    with contextlib.suppress(ValueError):
        parts = urlsplit(text)
        if not text or (parts.scheme in ("smtp", "smtps") and parts.hostname and parts.port != 0):
            return text
    raise ValueError("TALLYSTICK_SMTP_URL must be such as smtp://user:password@mail.example.com:587")


def _switch(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "")
    if text not in ("", "0", "1"):
        raise ValueError(f"{name} must be 0 or 1, not {text!r}")
    return text == "1"
