"""Believable data for the test mode, made through the domain's own actions: a year of its customers.

It runs on the test clock, which never stands behind the real time: the year begins now, and the test mode is then
twelve months ahead. Run it twice and it is there once; a run that was stopped is taken up where it was. Cards are the
sandbox's, and who receives the demo's webhooks is played by it. E-mails are left to the worker.
"""

from typing import Any

from tallystick import wiring
from tallystick.commands import tenant_of
from tallystick.config import Settings
from tallystick.domain.identity import actions, keys, passwords, sign_in, views
from tallystick.kernel.actor import Mode, Role, Scope
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import typeid

from .people import CUSTOMERS, FEWEST, MOST, account_of, meet
from .scene import BY, Scene
from .shop import open_shop
from .tills import open_tills
from .year import began, live

EMAIL = "demo@tallystick.local"


async def fill(settings: Settings, url: str, customers: int = CUSTOMERS) -> dict[str, Any]:
    """Fill the first app's test mode; give the way in to one account that has some of everything.

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
        return await _way_in(scene, people[0].account)


async def _way_in(scene: Scene, account: int) -> dict[str, Any]:
    system, tenant = scene.system, scene.tenant
    password = passwords.new_password()
    hashed = await passwords.hash_password(password)
    async with system.db.tx() as tx:
        try:
            user = await views.user_by_email(tx, tenant, EMAIL)
            await actions.set_password(tx, tenant, user.id, hashed, by=BY)
        except NotFound:
            user = await actions.create_user(
                tx, tenant, email=EMAIL, password_hash=hashed, first_name="Demo", last_name="Owner", by=BY
            )
            await actions.add_membership(tx, tenant, account=account, user=user.id, role=Role.OWNER, by=BY)
        key = await keys.create_api_key(
            tx, system.secrets, tenant, name="Demo", scope=Scope.ADMIN, created_by=BY
        )
        row = await views.account(tx, tenant, account)
        app = (await views.tenant(tx, tenant)).app_id
    signed = await sign_in.sign_in(
        system.db, system.secrets, system.clock, app=app, mode=Mode.TEST, email=EMAIL, password=password
    )
    return {
        "test_key": key.text,
        "access_token": signed.tokens.access,
        "refresh_token": signed.tokens.refresh,
        "email": EMAIL,
        "password": password,
        "account_id": typeid("acct", row.uuid),
        "account_number": row.number,
        "account_uuid": str(row.uuid),
    }
