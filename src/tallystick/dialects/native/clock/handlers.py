"""The test clock: an app's own time in test mode, moved to see what time brings."""

from fastapi import Request, Response

from tallystick.dialects.native.auth import Here, Reader, Writer
from tallystick.dialects.native.once import Key, answered, digest_of
from tallystick.domain.clocks import actions, views

from . import forms, shapes


async def read_test_clock(native: Here, actor: Reader) -> Response:
    """Read the app's time."""
    async with native.system.db.connection() as conn:
        return answered(shapes.test_clock(await views.clock(conn, actor.tenant)))


async def advance_test_clock(
    native: Here, actor: Writer, request: Request, key: Key, body: forms.Advance
) -> Response:
    """Move the app's time on, and do all that falls due on the way.

    In test mode only. Renewals, invoices, expiries and whatever else time brings happen as of their own moments,
    in order, before this answers.
    """
    once = None if key is None else (key, digest_of(request, body))
    done = await actions.advance(
        native.system.till, actor.tenant, to=body.to, by=body.by, actor=actor.name, key=once
    )
    return answered(shapes.advanced(done), replayed=done.replayed)
