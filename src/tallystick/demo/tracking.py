"""What the first customer does with the credits for app-store data: calls of every kind, a bonus, more bought."""

from typing import Final

from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.commands import Labels, order
from tallystick.domain.payments.checkouts import ForAmount
from tallystick.domain.subscriptions import entitlements
from tallystick.kernel.credits import MICRO

from .cards import GOOD
from .people import Person
from .scene import BY, Scene
from .tills import paid

APP: Final = "com.example.app"
USES: Final = (
    ("api_calls", "nightly_refresh", 1217),
    ("data_scrapes", "nightly_refresh", 562),
    *(("api_calls", "android_app_fetch", 1),) * 12,
    *(("data_scrapes", "android_app_fetch", 1),) * 5,
    *(("api_calls", "apple_search", 1),) * 5,
)
"""Credit type, operation, credits."""
BONUS: Final = 500
BOUGHT: Final = 500
PROJECTS: Final = 3
"""Besides those that everybody has."""


async def track(scene: Scene, person: Person) -> None:
    """Use some of the month's allowance, under keys of its own: told again it is there once."""
    of, start = person.account, f"demo:{person.n}:track"
    await paid(scene, of, ForAmount("data_scrapes", BOUGHT * MICRO), "scrapes", GOOD)
    thanks = Labels(description="Customer appreciation bonus")
    asked: list[command.AnyCommand] = [
        command.Grant(
            account=of, credit_type="api_calls", amount=BONUS * MICRO, source="bonus", labels=thanks
        )
    ]
    asked += [
        command.Debit(
            account=of, credit_type=type, amount=amount * MICRO, labels=Labels(metadata=_told(operation))
        )
        for type, operation, amount in USES
    ]
    orders = [order(one, tenant=scene.tenant, actor=BY, key=f"{start}:{at}") for at, one in enumerate(asked)]
    await scene.system.lanes.submit_batch(orders)
    async with scene.db.tx() as tx:
        await entitlements.consume(
            tx, scene.tenant, of, "max_projects", PROJECTS * MICRO, by=BY, op_key=f"{start}:projects"
        )


def _told(operation: str) -> dict[str, str]:
    return {"operation": operation} | ({"app_id": APP} if operation == "android_app_fetch" else {})
