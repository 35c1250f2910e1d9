"""What operations cost: the ledger's port, answered by the rate card in force."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tallystick.db.arrays import int4s_or_null, moments, texts
from tallystick.db.pool import Asked, Tx, ask
from tallystick.db.sql import Queries
from tallystick.domain.ledger.model import Moments, RateLine
from tallystick.domain.ledger.port import Lines, Prices

q: Final = Queries("tallystick.domain.catalog")


async def rates_in_force(conn: Tx, wanted: Sequence[tuple[int, str]]) -> Prices:
    """Ask what each (tenant, operation) costs, in the caller's pipeline if there is one.

    What is given waits for the lines at the tenants' moments, which were read on this connection before: a clock and
    the cards go in one round trip. Only a card that began between the two has to be asked for again.
    """
    cursor = await _ask(conn, [(tenant, operation, None) for tenant, operation in wanted])

    async def lines(now: Moments) -> Lines:
        found, again = {}, []
        for tenant, operation, moment, since, *line in await cursor.fetchall():
            if now.of(tenant) <= moment and (since is None or since <= now.of(tenant)):
                if line[0] is not None:
                    found[tenant, operation] = RateLine(*line)
            else:
                again.append((tenant, operation, now.of(tenant)))
        return found | await rates_at(conn, again) if again else found

    return lines


async def rates_at(conn: Tx, wanted: Sequence[tuple[int, str, datetime]]) -> Lines:
    """What each (tenant, operation) costs at a moment."""
    cursor = await _ask(conn, wanted)
    return {
        (tenant, operation): RateLine(*line)
        for tenant, operation, _, _, *line in await cursor.fetchall()
        if line[0] is not None
    }


async def _ask(conn: Tx, wanted: Sequence[tuple[int, str, datetime | None]]) -> Asked:
    values = {
        "tenants": int4s_or_null([tenant for tenant, _, _ in wanted]),
        "operations": texts([operation for _, operation, _ in wanted]),
        "moments": moments([moment for _, _, moment in wanted]),
    }
    return await ask(conn, q.lines, values)
