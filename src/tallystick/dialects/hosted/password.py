"""Choosing a password by a link that was mailed: after it was forgotten, or with an invitation.

The link's token is the only credential there is, so a form from elsewhere could not know where to go.
"""

from typing import Any, Final

from fastapi import Response

from tallystick.domain.identity import password_links
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.model import MIN_PASSWORD
from tallystick.domain.identity.password_links import PasswordLink
from tallystick.domain.invoicing import views as invoicing
from tallystick.kernel.errors import Invalid, NotFound

from . import pages
from .desk import Call, System, base

_DIFFERENT: Final = "The two are not the same. Type the password again, twice."


async def show(system: System, call: Call) -> Response:
    """Ask for a new password, twice."""
    link = await _link(system, call)
    return _gone() if link is None else await _form(system, call, link)


async def choose(system: System, call: Call) -> Response:
    """Take the new password. One that will not do leaves the link as it was."""
    link = await _link(system, call)
    if link is None:
        return _gone()
    password = call.form.get("password", "")
    if password != call.form.get("again", ""):
        return await _form(system, call, link, _DIFFERENT)
    try:
        await password_links.use_link(system.db, system.clock, call["token"], password)
    except Invalid as fault:
        return await _form(system, call, link, f"The password {fault.problem}.")
    except NotFound:
        return _gone()  # meanwhile
    return pages.go(f"{base(system)}/password/done")


async def done(system: System, call: Call) -> Response:
    """Say that the password is set."""
    text = "Sign in with it from now on. Wherever you were signed in, you are signed out. You can close this page."
    return pages.message("Your password is set", text)


async def _link(system: System, call: Call) -> PasswordLink | None:
    async with system.db.connection() as conn:
        try:
            return await password_links.check_link(conn, call["token"], system.clock.now())
        except NotFound:
            return None


async def _form(system: System, call: Call, link: PasswordLink, fault: str = "") -> Response:
    invited = link.cause == "invitation"
    async with system.db.connection() as conn:
        seller = (await invoicing.settings(conn, link.tenant)).seller.name
        seller = seller or await identity.app_name(conn, link.tenant)
    values: dict[str, Any] = {
        "heading": "Choose your password" if invited else "Choose a new password",
        "seller": seller,
        "invited": invited,
        "email": link.email,
        "least": MIN_PASSWORD,
        "fault": fault,
        "action": f"{base(system)}/password/{call['token']}",
    }
    return pages.page("password", status=422 if fault else 200, **values)


def _gone() -> Response:
    text = (
        "It was used already, a newer one replaced it, or it is too old. Ask for a new one where you sign in."
    )
    return pages.message("This link does not work any more", text, status=404)
