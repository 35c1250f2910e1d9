"""Believable data for the test mode, made through the domain's own actions: a year of its customers.

It runs on the test clock, which never stands behind the real time: the year begins now, and the test mode is then
twelve months ahead. Run it twice and it is there once; a run that was stopped is taken up where it was. Cards are the
sandbox's, and who receives the demo's webhooks is played by it. E-mails are left to the worker.
"""

from typing import Any

from tallystick import wiring
from tallystick.commands import tenant_of
from tallystick.config import Settings
from tallystick.kernel.actor import Mode

from .people import CUSTOMERS, FEWEST, MOST, account_of, meet
from .scene import Scene
from .shop import open_shop
from .tills import open_tills
from .ways import ways_in
from .year import began, live


async def fill(settings: Settings, url: str, customers: int = CUSTOMERS) -> dict[str, Any]:
    """Fill the first app's test mode; give the ways in to one account that has some of everything.

    A demo that is there already, or was begun, keeps its number of customers. Raises ValueError for too few or many.
    """
    if not FEWEST <= customers <= MOST:
        raise ValueError(f"--customers must be from {FEWEST} to {MOST}")
    async with wiring.system(settings, url) as system:
        scene = Scene(system, (await tenant_of(system.db, Mode.TEST)).id)
        await open_shop(scene)
        await open_tills(scene)
        year = await began(scene, await account_of(scene, 0), customers)
        people = await meet(scene, year.customers)
        await live(scene, people, year)
        return await ways_in(scene, people[0].account)
