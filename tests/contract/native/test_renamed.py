"""An external id that another process gives to another account: the next request means the new one."""

from typing import Any

from tallystick.db.pool import Database
from tallystick.domain.identity import actions
from tallystick.kernel.ids import account_of, parse_typeid
from tests.contract.native.test_batch import results
from tests.contract.served import Api, House


def swapped(house: House, api: Api) -> tuple[str, str]:
    """Two accounts with 100 and 0 credits, whose external ids ``old`` and ``new`` change places elsewhere.

    This process has both in memory as they were.
    """
    rich = api.funded(100)
    poor = api.account()
    for account, name in ((rich, "old"), (poor, "new")):
        changed = api.send("PATCH", f"/v2/accounts/{account}", {"external_id": name + rich[-6:]})
        assert changed.status_code == 200
        assert api.get(f"/v2/accounts/ext:{name}{rich[-6:]}/balance").status_code == 200
    tail = rich[-6:]

    async def swap() -> None:
        db = Database(house.database_url)
        await db.open()
        async with db.tx() as tx:
            for account, name in ((rich, None), (poor, "old" + tail), (rich, "new" + tail)):
                uuid = parse_typeid("acct", account)
                assert uuid is not None
                changes: Any = {"external_id": name}
                await actions.patch_account(tx, house.first.app.live, account_of(uuid), changes)
        await db.close()

    house.run(swap())
    return rich, poor


def test_a_debit_means_the_account_that_has_the_name_now(house: House, api: Api) -> None:
    rich, _ = swapped(house, api)
    answer = api.post("/v2/debits", {"account": "ext:new" + rich[-6:], "amount": 1})
    assert (answer.status_code, answer.json()["account"]) == (201, rich)


def test_a_shortage_is_of_the_account_that_has_the_name_now(house: House, api: Api) -> None:
    rich, _ = swapped(house, api)
    answer = api.post("/v2/debits", {"account": "ext:old" + rich[-6:], "amount": 1})
    assert (answer.status_code, answer.json()["available"]) == (402, "0")


def test_a_balance(house: House, api: Api) -> None:
    rich, poor = swapped(house, api)
    assert api.get(f"/v2/accounts/ext:old{rich[-6:]}/balance").json()["account"] == poor


def test_both_sides_of_a_transfer(house: House, api: Api) -> None:
    rich, _ = swapped(house, api)
    tail = rich[-6:]
    answer = api.post("/v2/transfers", {"from": f"ext:new{tail}", "to": f"ext:old{tail}", "amount": 5})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["from"], answer.json()["available"]) == (rich, "95")


def test_in_a_batch_each_command_is_done_once(house: House, api: Api) -> None:
    rich, _ = swapped(house, api)
    tail = rich[-6:]
    commands = [
        {"type": "debit", "account": rich, "amount": 10},
        {"type": "debit", "account": f"ext:new{tail}", "amount": 1},
        {"type": "debit", "account": f"ext:old{tail}", "amount": 1},
    ]
    assert [one["status"] for one in results(api, commands)] == [201, 201, 402]
    assert api.get(f"/v2/accounts/{rich}/balance").json()["balances"][0]["posted"] == "89"


def test_in_an_atomic_batch(house: House, api: Api) -> None:
    rich, _ = swapped(house, api)
    tail = rich[-6:]
    commands = [
        {"type": "debit", "account": rich, "amount": 10},
        {"type": "debit", "account": f"ext:new{tail}", "amount": 1},
    ]
    assert [one["status"] for one in results(api, commands, atomic=True)] == [201, 201]
    assert api.get(f"/v2/accounts/{rich}/balance").json()["balances"][0]["posted"] == "89"
