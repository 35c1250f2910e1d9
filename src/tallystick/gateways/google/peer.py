"""Google's two documented answers about an access token: for whom it was made out, and whose it is.

https://developers.google.com/identity/openid-connect/reference. Numbers and truth values come as JSON's own or as
texts, depending on the answer. The token stands in an address, so addresses are neither logged nor told.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from typing import Any, Final

import httpx2
import msgspec

from tallystick.domain.identity.google import GoogleDown, GooglePerson, GoogleRefused

TIMEOUT: Final = 5.0
"""Seconds for each of the two answers."""
MOST: Final = 64 * 1024
"""Bytes of an answer."""

_TOKENINFO: Final = "https://oauth2.googleapis.com"
_USERINFO: Final = "https://openidconnect.googleapis.com"
_LONGEST: Final = 4096
_SUBJECT: Final = 255
_PASSING: Final = (408, 429)
"""Refusals of the moment, not of the token."""

_INVALID: Final = "The token is not valid, or has expired."


class Google:
    """Implements `domain.identity.google.GooglePeer`. Connections are opened at the first call; close it at the end."""

    def __init__(self, client_ids: Collection[str], url: str = "", *, timeout: float = TIMEOUT) -> None:
        """``client_ids``: for whom a token must be made out. ``url``: another origin for both addresses."""
        # its lines have whole addresses, and a token stands in one
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        self._client_ids = frozenset(client_ids)
        self._tokeninfo = (url or _TOKENINFO) + "/tokeninfo"
        self._userinfo = (url or _USERINFO) + "/v1/userinfo"
        self._timeout = timeout
        self._http: httpx2.AsyncClient | None = None

    async def person(self, access_token: str) -> GooglePerson:
        """Raises GoogleRefused, GoogleDown."""
        if not 0 < len(access_token) <= _LONGEST or not _visible(access_token):
            raise GoogleRefused(_INVALID)
        token = await self._get(self._tokeninfo, params={"access_token": access_token})
        self._check(token)
        user = await self._get(self._userinfo, headers={"Authorization": f"Bearer {access_token}"})
        return _person(token, user)

    async def aclose(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    def _check(self, token: Mapping[str, Any]) -> None:
        """That the token is made out to us and still good. Raises GoogleRefused."""
        audience = token.get("aud") or token.get("azp")
        if not isinstance(audience, str) or audience not in self._client_ids:
            raise GoogleRefused("The token was made out to another application.")
        left = _whole(token.get("expires_in"))
        if left is None:
            end = _whole(token.get("exp"))
            left = 0 if end is None else end - int(time.time())
        if left <= 0:
            raise GoogleRefused(_INVALID)

    async def _get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The JSON object at an address. Raises GoogleRefused when Google refuses the token, GoogleDown."""
        if self._http is None:  # made at the first call: the certificates of the machine take their time
            self._http = httpx2.AsyncClient(timeout=self._timeout, follow_redirects=False)
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._http.stream("GET", url, params=params, headers=headers) as answer,
            ):
                status, body = answer.status_code, await _read(answer)
        except (TimeoutError, httpx2.TimeoutException):
            raise GoogleDown("Google did not answer in time.") from None
        except (httpx2.HTTPError, httpx2.InvalidURL):
            # the library's error has the address, and so the token: it goes no further
            raise GoogleDown("Google could not be reached.") from None
        if 400 <= status < 500 and status not in _PASSING:
            raise GoogleRefused(_INVALID)
        if status != 200:
            raise GoogleDown(f"Google failed ({status}).")
        return _object(body)


async def _read(answer: httpx2.Response) -> bytes:
    """Raises GoogleDown for more than an answer can be; the rest is not read."""
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > MOST:
            raise GoogleDown("Google's answer is too long.")
    return bytes(body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise GoogleDown("Google's answer is not what it documents.") from None


def _person(token: Mapping[str, Any], user: Mapping[str, Any]) -> GooglePerson:
    """Raises GoogleRefused where the answers do not name one person with a verified address."""
    sub, email = user.get("sub"), user.get("email")
    if not isinstance(sub, str) or not 0 < len(sub) <= _SUBJECT or not _visible(sub):
        raise GoogleDown("Google's answer is not what it documents.")
    if token.get("sub") != sub:
        raise GoogleRefused("The token names somebody else.")
    if not isinstance(email, str) or not email:
        raise GoogleRefused("The token does not tell an e-mail address.")
    if not _true(user.get("email_verified")):
        raise GoogleRefused("Google has not verified the e-mail address.")
    return GooglePerson(sub, email, _text(user.get("given_name")), _text(user.get("family_name")))


def _visible(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _true(value: Any) -> bool:
    return value is True or value == "true"


def _whole(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
