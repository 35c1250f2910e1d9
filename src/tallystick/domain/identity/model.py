"""Apps, tenants, accounts, users and their credentials, as data; and the pure checks of their fields."""

import re
import unicodedata
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, Literal, TypedDict
from uuid import UUID

import msgspec

from tallystick.kernel import money
from tallystick.kernel.actor import Mode, Role, Scope
from tallystick.kernel.errors import Invalid, Unauthenticated

MIN_PASSWORD: Final = 8
KINDS: Final = ("individual", "business")
STATUSES: Final = ("active", "inactive", "blocked")
"""What an account's status may be changed to."""
ADDRESS: Final = ("line1", "line2", "city", "region", "postal_code", "country")
MAX_METADATA: Final = 16_384
"""Bytes of an account's metadata as JSON."""

_LABEL: Final = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# what mail servers take in practice (RFC 5321 without quoted local parts and address literals)
_EMAIL: Final = re.compile(rf"(?!\.)[a-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}(?<!\.)@{_LABEL}(?:\.{_LABEL})+")
_COUNTRY: Final = re.compile("[A-Z]{2}", re.ASCII)

Reason = Literal["missing", "invalid", "expired", "inactive", "wrong_password"]
_REASONS: Final[dict[Reason, str]] = {
    "missing": "No credential was given.",
    "invalid": "The credential is not valid.",
    "expired": "The credential has expired.",
    "inactive": "The user may not sign in any more.",
    "wrong_password": "The e-mail address or the password is wrong.",
}


def refused(reason: Reason) -> Unauthenticated:
    """The fact that a credential does not do; ``details["reason"]`` says why, as far as a stranger may know."""
    return Unauthenticated(_REASONS[reason], reason=reason)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The server's own secrets, made by the first run: the keys of API key hashes and of access tokens."""

    api_key: bytes = field(repr=False)
    access_token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class App:
    """A product, with the tenants of its two modes."""

    id: UUID
    live: int
    test: int


@dataclass(frozen=True, slots=True)
class FirstApp:
    """What a later start may still say of the first run: no secret among it."""

    app_id: UUID
    name: str
    owner_email: str


@dataclass(frozen=True, slots=True)
class FirstRun:
    """What the first run made. The password and the keys are shown once and stored nowhere."""

    app: App
    owner: UUID
    owner_email: str
    owner_password: str = field(repr=False)
    live_key: str = field(repr=False)
    test_key: str = field(repr=False)


@dataclass(slots=True)
class Tenant:
    id: int
    app_id: UUID
    mode: Mode
    default_credit_type: str
    currency: str
    clock_ahead: timedelta
    """How far its time is ahead of the server's: never in live mode."""

    def __post_init__(self) -> None:
        self.mode = Mode(self.mode)


@dataclass(slots=True)
class ApiKey:
    """A key as it may be shown: ``hint`` is its last four characters."""

    id: UUID
    tenant_id: int
    name: str
    scope: Scope
    hint: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def __post_init__(self) -> None:
        self.scope = Scope(self.scope)


@dataclass(slots=True)
class User:
    id: UUID
    app_id: UUID
    number: int
    email: str
    first_name: str
    last_name: str
    staff: bool
    active: bool
    created_at: datetime
    last_login_at: datetime | None

    @property
    def name(self) -> str:
        """The person's name, or the address when none is known."""
        return f"{self.first_name} {self.last_name}".strip() or self.email


@dataclass(slots=True)
class Account:
    """Who owns credits and pays. ``account_id`` is internal; callers see ``uuid`` or ``number``."""

    account_id: int
    tenant_id: int
    number: int
    uuid: UUID
    external_id: str | None
    name: str
    email: str
    first_name: str
    last_name: str
    phone: str
    kind: str
    """individual or business."""
    address: dict[str, str]
    """Of line1, line2, city, region, postal_code and country (ISO 3166-1 alpha-2), those that are known."""
    tax_id: str
    tax_exempt: bool
    currency: str
    time_zone: str
    metadata: dict[str, Any]
    status: str
    """active; inactive, a label of the product's; blocked, which spends nothing; closed, which does nothing."""
    created_at: datetime
    updated_at: datetime


class AccountChanges(TypedDict, total=False):
    """The fields of an account to change; what is absent stays. An ``external_id`` of None takes it away."""

    external_id: str | None
    name: str
    email: str
    first_name: str
    last_name: str
    phone: str
    kind: str
    address: dict[str, Any]
    tax_id: str
    tax_exempt: bool
    currency: str
    time_zone: str
    metadata: dict[str, Any]
    status: str


@dataclass(slots=True)
class Membership:
    """A user's part in an account, with what a list of members or of a user's accounts shows.

    Who is invited has not joined, and is nobody in the account. ``active`` is the user's.
    """

    user_id: UUID
    user_number: int
    user_email: str
    first_name: str
    last_name: str
    active: bool
    account_id: int
    account_uuid: UUID
    account_number: int
    account_name: str
    role: Role
    home: bool
    created_at: datetime
    joined_at: datetime | None

    def __post_init__(self) -> None:
        self.role = Role(self.role)


@dataclass(slots=True)
class AuditEntry:
    """One manual act; ``id`` is the list's key."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    reason: str | None
    details: dict[str, Any]


def check_text(name: str, text: str, longest: int, *, shortest: int = 0) -> str:
    """Give ``text`` back. Raises Invalid when its length is wrong or it holds what is not text.

    Control characters and lone surrogates are refused: no list shows them, and PostgreSQL takes not all.
    """
    if not shortest <= len(text) <= longest:
        least = f"{shortest} to " if shortest else "at most "
        raise Invalid(name, f"must have {least}{longest} characters")
    if not storable(text):
        raise Invalid(name, "must not hold control characters")
    return text


def storable(text: str) -> bool:
    """Whether the text holds neither control characters nor lone surrogates."""
    return text.isprintable() or not any(unicodedata.category(char) in ("Cc", "Cs") for char in text)


def check_email(name: str, text: str) -> str:
    """The address in lower case, without space around it. Raises Invalid when it is not one."""
    email = text.strip()
    # looked at before the case goes: in lower case the sign of the kelvin is a plain k, and the address another's
    if not email.isascii() or len(email) > 254 or _EMAIL.fullmatch(email.lower()) is None:
        raise Invalid(name, "must be an e-mail address")
    return email.lower()


def check_external_id(text: str | None) -> str | None:
    if text is not None and "/" in text:
        raise Invalid("external_id", "must not hold a slash: it stands in paths")
    return None if text is None else check_text("external_id", text, 255, shortest=1)


def check_kind(text: str) -> str:
    if text not in KINDS:
        raise Invalid("kind", "must be individual or business")
    return text


def check_status(text: str) -> str:
    """A status that may be given to an account by hand."""
    if text not in STATUSES:
        raise Invalid("status", "must be active, inactive or blocked")
    return text


def check_address(address: Mapping[str, Any]) -> dict[str, str]:
    """The parts of an address that are said. Raises Invalid naming the part."""
    checked = {}
    for part, text in address.items():
        if part not in ADDRESS:
            raise Invalid(f"address.{part[:63]}", "is not a part of an address")
        if text is None or text == "":
            continue
        if not isinstance(text, str):
            raise Invalid(f"address.{part}", "must be a string")
        checked[part] = check_text(f"address.{part}", text, 255)
    country = checked.get("country")
    if country is not None and _COUNTRY.fullmatch(country) is None:
        raise Invalid("address.country", "must be two capital letters, such as UG (ISO 3166-1)")
    return checked


def check_currency(text: str) -> str:
    try:
        money.exponent(text)
    except ValueError as error:
        raise Invalid("currency", str(error)) from None
    return text


def check_time_zone(text: str) -> str:
    if text != "UTC" and text not in _time_zones():
        raise Invalid("time_zone", "must be a time zone of the IANA database such as Africa/Kampala")
    return text


def metadata_text(metadata: dict[str, Any]) -> str:
    """The metadata as JSON. Raises Invalid when it cannot be, or is too large."""
    try:
        text = msgspec.json.encode(metadata)
    except (ValueError, TypeError, RecursionError, msgspec.MsgspecError):
        raise Invalid("metadata", "must be a JSON object") from None
    if len(text) > MAX_METADATA:
        raise Invalid("metadata", f"must be at most {MAX_METADATA} bytes of JSON")
    return text.decode()


@cache
def _time_zones() -> frozenset[str]:
    # machine-dependent names: "localtime" here is another zone on the next machine
    return frozenset(zoneinfo.available_timezones() - {"localtime", "Factory", "posixrules"})
