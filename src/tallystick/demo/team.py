"""Who works at the demo's first customer: its owner, a colleague, and somebody who was invited and has not come yet."""

import contextlib
from typing import Final

from tallystick.domain.identity import actions, memberships, passwords, views
from tallystick.domain.identity.invitations import invite
from tallystick.domain.identity.password_links import address
from tallystick.kernel.actor import Role
from tallystick.kernel.errors import Conflict, NotFound

from .scene import BY, Scene

EMAIL: Final = "demo@tallystick.local"
COLLEAGUE: Final = "grace@demo-1.example"
INVITED: Final = "alan@demo-1.example"


async def gather(scene: Scene, account: int) -> str:
    """See to the team; give a new password of its owner."""
    password = passwords.new_password()
    hashed = await passwords.hash_password(password)
    await _join(scene, account, EMAIL, "Demo", "Owner", Role.OWNER)
    async with scene.db.tx() as tx:
        owner = await views.user_by_email(tx, scene.tenant, EMAIL)
        await actions.set_password(tx, scene.tenant, owner.id, hashed, by=BY)
    await _join(scene, account, COLLEAGUE, "Grace", "Hopper", Role.MEMBER)
    link, now = address(scene.system.settings.public_url), await scene.now()
    with contextlib.suppress(Conflict):
        async with scene.db.tx() as tx:
            await invite(
                tx, scene.tenant, account=account, email=INVITED, role=Role.MEMBER, by=BY, now=now, link=link,
                first_name="Alan", last_name="Turing",
            )  # fmt: skip
    return password


async def _join(scene: Scene, account: int, email: str, first: str, last: str, role: Role) -> None:
    async with scene.db.tx() as tx:
        try:
            await views.user_by_email(tx, scene.tenant, email)
        except NotFound:
            user = await actions.create_user(
                tx, scene.tenant, email=email, password_hash=None, first_name=first, last_name=last, by=BY
            )
            await memberships.add(tx, scene.tenant, account=account, user=user.id, role=role, by=BY)
