"""What went wrong, as a page that a customer can do something with."""

from collections.abc import Sequence

from fastapi import Response

from tallystick.domain.payments.port import GatewayDown, GatewayRefused
from tallystick.http.hot import Reply
from tallystick.http.problem import crash
from tallystick.kernel.errors import Conflict, Invalid, NotFound, Unavailable

from . import pages
from .portal import Expired


def page_of(error: Exception, back: str) -> Response:
    """The page of a fact, or of a fault of ours. ``back``: the address of the page that the request came from."""
    if isinstance(error, NotFound):
        return nothing_here()
    if isinstance(error, Expired):
        text = "Links to this page are good for a while only. Ask the shop for a new one."
        return pages.message("This link has expired", text, status=410)
    if isinstance(error, Unavailable | GatewayDown):
        text = "We cannot be reached just now, and nothing was lost. Try again in a moment."
        return pages.message("Please try again", text, status=503, retry_after=5, link=back, link_text="Back")
    if isinstance(error, Conflict | Invalid):
        return pages.message("This could not be done", str(error), status=409, link=back, link_text="Back")
    if isinstance(error, GatewayRefused):
        text = "The payment provider refuses it."
        return pages.message("This could not be done", text, status=409, link=back, link_text="Back")
    fault = crash(error)
    text = f"The fault is ours, and we have noted it as {fault}. Nothing is paid twice if you try again."
    return pages.message("Something went wrong", text, status=500)


def nothing_here() -> Response:
    text = "The link may have been cut off on its way. Ask the shop for a new one."
    return pages.message("There is no such page", text, status=404)


def not_allowed(methods: Sequence[str]) -> Response:
    """405 with the methods that are there."""
    made = pages.message("There is no such page", "This address does not answer that.", status=405)
    made.headers["allow"] = ", ".join(methods)
    return made


def too_large() -> Reply:
    """The page of a form that is too large, as the front sends it."""
    return _reply(pages.message("This could not be done", "The form is too large.", status=413))


def card_refused() -> Reply:
    """The page of a request with a card number: nobody may type one here."""
    text = "This page takes no card numbers, nor a password that is like one. For a test payment there are test cards."
    return _reply(pages.message("No card numbers here", text, status=422))


def _reply(made: Response) -> Reply:
    own = (b"content-type", b"content-length")
    headers = tuple((name, value) for name, value in made.raw_headers if name not in own)
    return Reply(made.status_code, bytes(made.body), headers, made.headers["content-type"].encode())
