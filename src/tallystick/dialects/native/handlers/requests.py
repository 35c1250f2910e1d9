"""Requests that the product answered itself: they feed the account contract's statistics."""

from typing import Any

from fastapi import Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native import forms, shapes
from tallystick.dialects.native.auth import Here, Writer
from tallystick.dialects.native.once import Key, write_once
from tallystick.domain.metering.actions import report
from tallystick.domain.metering.model import Reported


async def report_requests(
    native: Here, actor: Writer, request: Request, key: Key, body: forms.Requests
) -> Response:
    """Report requests that the product answered, up to 1000; all are counted or none."""
    caller, now = native.caller(actor.tenant), native.system.clock.now()
    items = [
        Reported(await caller.account(one.account), one.route, one.status, one.time or now)
        for one in body.requests
    ]

    async def act(tx: Tx) -> tuple[int, Any]:
        await report(tx, actor.tenant, items)
        return 200, shapes.Accepted(len(items))

    return await write_once(native, actor, request, key, body, act)
