"""The first start: an app, its owner, its keys, the server's secrets. There is no default secret."""

import secrets as random
from typing import Final

from tallystick.db.pool import Tx, run
from tallystick.kernel.actor import Scope

from . import keys, passwords, views
from .actions import create_app, create_user
from .model import FirstRun, Secrets
from .views import q

_BY: Final = "first-run"


async def ensure_first_app(
    tx: Tx, *, name: str = "Tallystick", owner_email: str = "owner@tallystick.local"
) -> FirstRun | None:
    """Make what a server cannot be without, or give None when an app exists.

    Processes that start at once wait for each other here. The owner is staff; the password and the two
    admin keys in the answer are shown once and stored nowhere.
    """
    await run(tx, q.lock_first_run)
    if await views.first_app(tx) is not None:
        return None
    secrets = Secrets(api_key=random.token_bytes(32), access_token=random.token_bytes(32))
    await run(tx, q.insert_secret, {"name": "api_key", "value": secrets.api_key})
    await run(tx, q.insert_secret, {"name": "access_token", "value": secrets.access_token})
    app = await create_app(tx, name)
    password = passwords.new_password()
    owner = await create_user(
        tx,
        app.live,
        email=owner_email,
        password_hash=await passwords.hash_password(password),
        by=_BY,
        staff=True,
    )
    live, test = [
        await keys.create_api_key(tx, secrets, tenant, name="First key", scope=Scope.ADMIN, created_by=_BY)
        for tenant in (app.live, app.test)
    ]
    return FirstRun(app, owner.id, owner.email, password, live.text, test.text)
