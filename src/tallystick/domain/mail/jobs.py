"""What the worker does for e-mail. Safe to run twice, late, at once with itself, and killed at any point.

A message that was handed over by somebody who died before it was marked is handed over again, under the same
Message-ID: told at least once, and recognizable as the same.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from tallystick.db.pool import Database, all_rows, run

from .model import LETS_IN, pause
from .port import MailDown, Mailer, MailRefused, Message
from .views import q

log = structlog.get_logger()

BATCH: Final = 50
AT_ONCE: Final = 8
"""Messages under way beside each other."""
PATIENCE: Final = 60
"""Seconds that handing one message over may take."""
LEASE: Final = 900
"""Seconds for which what was claimed is nobody else's: longer than a batch may take."""

_MAX_ERROR: Final = 500


@dataclass(slots=True)
class Claimed:
    tenant: int
    id: UUID
    sender: str
    recipient: str
    subject: str
    body: str
    attempts: int


async def send_due(db: Database, mailer: Mailer, *, limit: int = BATCH) -> int:
    """Send up to ``limit`` messages that are due; give how many were tried.

    What does not go through is tried again over two days, then it failed; what is refused failed at once.
    """
    async with db.tx() as tx:
        claimed = await all_rows(tx, Claimed, q.claim, {"limit": limit, "lease": LEASE})
    if claimed:
        places = asyncio.Semaphore(AT_ONCE)
        results = await asyncio.gather(
            *(_send(db, mailer, row, places) for row in claimed), return_exceptions=True
        )
        _raise_first(results)
    return len(claimed)


async def _send(db: Database, mailer: Mailer, row: Claimed, places: asyncio.Semaphore) -> None:
    async with places:
        message = Message(row.id, row.sender, row.recipient, row.subject, row.body)
        final, error = False, ""
        try:
            async with asyncio.timeout(PATIENCE):
                await mailer.send(message)
        except MailRefused as refused:
            final, error = True, str(refused)
        except MailDown as down:
            error = str(down)
        except TimeoutError:
            error = f"no answer within {PATIENCE} seconds"
        except Exception as fault:  # a fault in one message must not hold up the others
            log.exception("sending an e-mail failed", mail=str(row.id))
            error = type(fault).__name__
    await _note(db, row, error or None, final=final)


async def _note(db: Database, row: Claimed, error: str | None, *, final: bool) -> None:
    values = {"tenant": row.tenant, "id": row.id, "attempts": row.attempts}
    ended = values | {"lets_in": list(LETS_IN)}
    wait = None if final else pause(row.attempts)
    async with db.tx() as tx:
        if error is None:
            await run(tx, q.mark_sent, ended)
        elif wait is None:
            await run(tx, q.give_up, ended | {"error": error[:_MAX_ERROR]})
            log.warning("an e-mail was given up", mail=str(row.id), error=error[:_MAX_ERROR])
        else:
            seconds = int(wait.total_seconds())
            await run(tx, q.put_off, values | {"error": error[:_MAX_ERROR], "seconds": seconds})


def _raise_first(results: Sequence[BaseException | None]) -> None:
    for result in results:
        if isinstance(result, BaseException):
            raise result
