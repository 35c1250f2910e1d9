"""What this server answers for an account counts in its request statistics, by route."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tallystick.domain.metering import views
from tallystick.kernel.ids import account_of, parse_typeid
from tests.contract.native.test_batch import results
from tests.contract.served import Api, House


def counted(house: House, account: str, requests: int) -> dict[str, int]:
    """The account's counts by route, once as many have been written as were made."""
    uuid = parse_typeid("acct", account)
    assert uuid is not None
    number = account_of(uuid)

    async def look() -> Any:
        await house.system.requests.flush()
        now = datetime.now(UTC)
        async with house.system.db.connection() as conn:
            return await views.usage(
                conn, house.first.app.live, number, now - timedelta(hours=1), now + timedelta(hours=1)
            )

    usage = house.run(look())
    assert usage.total == requests == usage.successful + usage.failed
    found: dict[str, int] = usage.by_endpoint
    return found


def test_every_answer_counts_once(house: House, api: Api) -> None:
    account = api.account()
    api.post("/v2/grants", {"account": account, "amount": 5})
    api.post("/v2/debits", {"account": account, "amount": 2})
    api.post("/v2/debits", {"account": account, "amount": 99})
    hold = api.post("/v2/holds", {"account": account, "amount": 1, "expires_in": 60}).json()["id"]
    api.post(f"/v2/holds/{hold}/capture", {"amount": 1})
    api.get(f"/v2/holds/{hold}")
    api.get(f"/v2/accounts/{account}")
    api.get(f"/v2/accounts/{account}/balance")
    api.get(f"/v2/accounts/{account}/entries")
    assert counted(house, account, 9) == {
        "/v2/grants": 1,
        "/v2/debits": 2,
        "/v2/holds": 1,
        "/v2/holds/{hold}/capture": 1,
        "/v2/holds/{hold}": 1,
        "/v2/accounts/{account}": 1,
        "/v2/accounts/{account}/balance": 1,
        "/v2/accounts/{account}/entries": 1,
    }


def test_a_batch_counts_once_for_each_account(house: House, api: Api) -> None:
    account, other = api.funded(10), api.account()
    one = {"type": "debit", "account": account, "amount": 1}
    results(api, [one, one, {"type": "transfer", "from": account, "to": other, "amount": 1}])
    assert counted(house, account, 2)["/v2/batch"] == 1


def test_nobody_counts_for_another_tenants_account(house: House, api: Api, stranger: Api) -> None:
    account = api.funded(10)
    hold = api.post("/v2/holds", {"account": account, "amount": 1, "expires_in": 60}).json()["id"]
    before = counted(house, account, 2)
    assert stranger.get(f"/v2/holds/{hold}").status_code == 404
    assert stranger.post(f"/v2/holds/{hold}/release", {}).status_code == 404
    assert stranger.post("/v2/debits", {"account": account, "amount": 1}).status_code == 404
    results(stranger, [{"type": "release", "hold": hold}])
    assert counted(house, account, 2) == before
