"""The yardstick: Tallystick itself, of which only the ledger is taken out.

``python -m bench.without_ledger PORT`` with the database's URL in TALLYSTICK_DATABASE_URL. It finds the route, checks
the credential, reads and decodes the body, makes the command, renders an answer and counts the request, as
the product does; the answer is made up on the spot.
"""

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import uvloop

from tallystick import app, processes, wiring
from tallystick.config import Settings
from tallystick.domain.ledger.commands import Debit, Order
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.model import Answer, Entry

_UUID = UUID(int=0x019A5_0000_7000_8000_000000000001)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


class NoLedger:
    """Answers every debit at once, and keeps nothing."""

    depth = 0

    async def submit(self, order: Order) -> Answer:
        asked = order.command
        assert isinstance(asked, Debit)
        entry = Entry(
            asked.account, 2, asked.credit_type or "", "debit", -asked.amount, 10**12, 0, 10**12, "usage",
            [[1, -asked.amount]], order.actor, _NOW, op_key=order.key, request_hash=order.hash,
        )  # fmt: skip
        return Answer("debit", _UUID, entry, {})


async def _main(port: int) -> None:
    url = os.environ[processes.URL_VARIABLE]
    sock = processes.listen("127.0.0.1", port)
    async with wiring.system(Settings.read(os.environ), url) as system:
        await processes.serve_app(
            app.build(replace(system, lanes=cast(Lanes, NoLedger()))), sock, lambda: None
        )


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1])))
