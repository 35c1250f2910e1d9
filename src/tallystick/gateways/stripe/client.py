"""Stripe's SDK over our HTTP client, and its errors as the port's."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, ClassVar, Final

import httpx2
import stripe

from tallystick.domain.payments.port import GatewayDown, GatewayRefused, Site

_CONNECT: Final = 5.0
_AT_MOST: Final = 25.0
"""Seconds."""

_unreached: Final[Callable[..., stripe.APIConnectionError]] = stripe.APIConnectionError


class Wire(stripe.HTTPClient):
    """Carries the SDK's calls: connections are kept, redirects not followed, nothing is reported to Stripe."""

    name: ClassVar[str] = "httpx2"

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._timeout = httpx2.Timeout(seconds, connect=min(seconds, _CONNECT))
        self._http: httpx2.AsyncClient | None = None

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        if self._http is None:  # made at the first call: the certificates of the machine take their time
            self._http = httpx2.AsyncClient(timeout=self._timeout)
        try:
            answer = await self._http.request(method, url, headers=dict(headers), content=post_data)
        except httpx2.HTTPError as error:
            raise _unreached(type(error).__name__, should_retry=True) from error
        return answer.content, answer.status_code, answer.headers

    def sleep_async(self, secs: float) -> Awaitable[None]:
        return asyncio.sleep(secs)

    async def close_async(self) -> None:
        if self._http is not None:
            await self._http.aclose()


class Line:
    """Makes the SDK's client for a tenant's key."""

    def __init__(self, retries: int, seconds: float) -> None:
        """``retries``: how often a call that failed is made again at once, with the same key."""
        stripe.enable_telemetry = False
        # its own log lines have addresses, names and, set to debug, whole bodies
        logging.getLogger("stripe").setLevel(logging.WARNING)
        self._retries = retries
        self._wire = Wire(seconds)

    @contextlib.asynccontextmanager
    async def to(self, site: Site) -> AsyncIterator[stripe.StripeClient]:
        """A client for calls inside the block, in which Stripe's errors become GatewayDown and GatewayRefused.

        The whole block takes at most 25 seconds, so that who calls may keep others away for 30.
        """
        secret = site.secrets.get("secret_key", "")
        if not secret:
            raise GatewayRefused("Stripe's secret_key is not set.")
        base: str = site.options.get("api_base") or site.secrets.get("api_base") or stripe.DEFAULT_API_BASE
        client = stripe.StripeClient(
            secret,
            base_addresses={"api": base.rstrip("/")},
            http_client=self._wire,
            max_network_retries=self._retries,
        )
        try:
            async with asyncio.timeout(_AT_MOST):
                yield client
        except TimeoutError:
            raise GatewayDown("Stripe did not answer in time.") from None
        except stripe.StripeError as error:
            raise _as_ours(error, secret) from None  # the SDK's error carries bodies: it goes no further

    async def close(self) -> None:
        await self._wire.close_async()


def _as_ours(error: stripe.StripeError, secret: str) -> GatewayDown | GatewayRefused:
    match error:
        case stripe.APIConnectionError() | stripe.RateLimitError():
            return GatewayDown("Stripe could not be reached.")
        case stripe.AuthenticationError():
            return GatewayRefused("Stripe does not accept the secret_key.")
        case stripe.PermissionError():
            return GatewayRefused("Stripe says that the secret_key may not do this.")
        case stripe.APIError():  # 5xx; 409, the same key being worked on; an answer that is none
            return GatewayDown(f"Stripe failed ({error.http_status}).")
        case _:
            said = (error.user_message or type(error).__name__).replace(secret, "***")
            return GatewayRefused(f"Stripe refused: {said}")
