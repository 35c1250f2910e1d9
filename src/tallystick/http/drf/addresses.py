"""What Django takes for an e-mail address and for an absolute address; patterns and limits are its own."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from urllib.parse import urlsplit

_LONGEST_EMAIL: Final = 320
_LONGEST_URL: Final = 2048
_LONGEST_HOST: Final = 253
_LONGEST_IPV6: Final = 39

_LETTERS: Final = "\u00a1-\uffff"
_HOST: Final = rf"[a-z{_LETTERS}0-9](?:[a-z{_LETTERS}0-9-]{{0,61}}[a-z{_LETTERS}0-9])?"
_DOMAIN: Final = rf"(?:\.(?!-)[a-z{_LETTERS}0-9-]{{1,63}}(?<!-))*"
_TOP: Final = rf"\.(?!-)(?:[a-z{_LETTERS}-]{{2,63}}|xn--[a-z0-9]{{1,59}})(?<!-)"

_USER: Final = re.compile(
    r"(^[-!#$%&'*+/=?^_`{}|~0-9A-Z]+(\.[-!#$%&'*+/=?^_`{}|~0-9A-Z]+)*\Z"
    r'|^"([\001-\010\013\014\016-\037!#-\[\]-\177]|\\[\001-\011\013\014\016-\177])*"\Z)',
    re.IGNORECASE,
)
_NAME: Final = re.compile(rf"^{_HOST}{_DOMAIN}{_TOP}\Z", re.IGNORECASE)
_LITERAL: Final = re.compile(r"\[([A-F0-9:.]+)\]\Z", re.IGNORECASE)

_IPV4_PART: Final = "(?:0|25[0-5]|2[0-4][0-9]|1[0-9]?[0-9]?|[1-9][0-9]?)"
_URL: Final = re.compile(
    r"^(?:[a-z0-9.+-]*)://"
    r"(?:[^\s:@/]+(?::[^\s:@/]*)?@)?"
    rf"(?:{_IPV4_PART}(?:\.{_IPV4_PART}){{3}}|\[[0-9a-f:.]+\]|({_HOST}{_DOMAIN}{_TOP}\.?|localhost))"
    r"(?::[0-9]{1,5})?"
    r"(?:[/?#][^\s]*)?"
    r"\Z",
    re.IGNORECASE,
)
_IPV6_HOST: Final = re.compile(r"^\[(.+)\](?::[0-9]{1,5})?$")
_SCHEMES: Final = ("http", "https", "ftp", "ftps")


def is_email(text: str) -> bool:
    """Whether it has the form of an address; nobody is asked whether it exists."""
    if "@" not in text or len(text) > _LONGEST_EMAIL:
        return False
    user, domain = text.rsplit("@", 1)
    if not _USER.match(user):
        return False
    if domain == "localhost" or _NAME.match(domain):
        return True
    literal = _LITERAL.match(domain)
    return literal is not None and (_is_ipv4(literal[1]) or _is_ipv6(literal[1]))


def is_url(text: str) -> bool:
    """Whether it is an address of http, https, ftp or ftps with a host."""
    if len(text) > _LONGEST_URL or any(mark in text for mark in "\t\r\n"):
        return False
    if text.split("://")[0].lower() not in _SCHEMES:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    if not _URL.match(text):
        return False
    inner = _IPV6_HOST.search(parts.netloc)
    if inner and not _is_ipv6(inner[1]):
        return False
    return parts.hostname is not None and len(parts.hostname) <= _LONGEST_HOST


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _is_ipv6(text: str) -> bool:
    if len(text) > _LONGEST_IPV6:
        return False
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True
