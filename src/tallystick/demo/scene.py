"""What every part of the demo needs: the system, the tenant, and the plans by key."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tallystick.db.pool import Database
from tallystick.domain.clocks import actions as clocks
from tallystick.domain.identity import views
from tallystick.wiring import System

BY: Final = "demo"
LATER: Final = timedelta(hours=3)
"""How long after a moment at which subscriptions renew the demo looks in: within the grace."""
TICK: Final = timedelta(seconds=1)


@dataclass(slots=True)
class Scene:
    system: System
    tenant: int
    plans: dict[str, UUID] = field(default_factory=dict)

    @property
    def db(self) -> Database:
        return self.system.db

    async def now(self) -> datetime:
        """The tenant's present moment."""
        async with self.db.connection() as conn:
            return await views.now(conn, self.tenant)

    async def until(self, moment: datetime) -> None:
        """Move the test clock on to a moment, through all that falls due; never back."""
        if await self.now() < moment:
            await clocks.advance(self.system.till, self.tenant, to=moment, actor=BY)

    async def tick(self) -> None:
        """Have done what falls due at once: what a wallet's fall or a new card leads to."""
        await self.until(await self.now() + TICK)
