"""Templates to pages: every value escaped, no script, no frame, nothing kept in a cache."""

import base64
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

import jinja2
from fastapi import Response
from markupsafe import Markup

_NO_CACHE: Final = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}


def page(template: str, *, status: int = 200, retry_after: int | None = None, **values: Any) -> Response:
    """A page. ``values`` are what the template says: ``heading`` always, ``seller`` and ``test`` where known."""
    text = _templates().get_template(f"{template}.html").render(values)
    headers = {**_NO_CACHE, "content-security-policy": _policy(), "x-frame-options": "DENY"}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    return Response(text, status, headers, "text/html; charset=utf-8")


def message(
    heading: str,
    text: str,
    *,
    status: int = 200,
    link: str = "",
    link_text: str = "Back to the shop",
    **more: Any,
) -> Response:
    """A page that says one thing."""
    values: dict[str, Any] = {"heading": heading, "text": text, "link": link, "link_text": link_text, **more}
    return page("message", status=status, urgent=status >= 400, **values)


def go(address: str) -> Response:
    """Send the browser to an address of this server after a form: going back does not send the form again."""
    return Response(status_code=303, headers={**_NO_CACHE, "location": address})


def leave(address: str, heading: str, **more: Any) -> Response:
    """Send the browser elsewhere by a page: as a redirect of a form the policy would stop it."""
    return message(
        heading, "You are taken on.", link=address, link_text="Continue", refresh=f"0; url={address}", **more
    )


def document(content: bytes, name: str) -> Response:
    """A PDF."""
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "-" for char in name)
    headers = {**_NO_CACHE, "content-disposition": f'inline; filename="{safe}.pdf"'}
    return Response(content, 200, headers, "application/pdf")


@cache
def _style() -> str:
    return files("tallystick.dialects.hosted").joinpath("style.css").read_text(encoding="utf-8")


@cache
def _policy() -> str:
    """Our own style, known by its hash, and forms to this server: nothing else is fetched, run or framed."""
    style = base64.b64encode(sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


@cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("tallystick.dialects.hosted", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["style"] = Markup(_style())  # noqa: S704 - a file of ours
    return made
