"""A way to pay that is saved with us, as a gateway would tell of it."""

from itertools import count

from tallystick.domain.identity import views as identity
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.payments import methods
from tallystick.domain.payments.port import MethodSeen
from tallystick.kernel.ids import account_of, parse_typeid, typeid
from tests.contract.served import House

_numbers = count(1)


def save_card(house: House, account: str) -> str:
    """The id of a card of the account, the live app's."""

    async def save() -> str:
        uuid = parse_typeid("acct", account)
        assert uuid is not None
        async with house.system.db.tx() as tx:
            tenant, number = house.first.app.live, account_of(uuid)
            await ledger.lock(tx, [number])
            now = await identity.now(tx, tenant)
            seen = MethodSeen(f"card-{next(_numbers)}", brand="visa", last4="4242")
            made = await methods.save(tx, tenant, number, "sandbox", seen, at=now)
        assert made is not None
        return typeid("pm", made.id)

    return house.run(save())
