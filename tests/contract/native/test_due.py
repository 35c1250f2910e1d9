"""What falls due ends in time, whatever else happens to the account in the same breath."""

import time
from datetime import UTC, datetime, timedelta

from tests.contract.native.test_batch import results
from tests.contract.served import Api, House, problem


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_a_hold_still_expires_after_credits_went_back_to_an_expired_grant(house: House, api: Api) -> None:
    account = api.account()
    api.grant(account, 100, expires_at=in_seconds(0.6))
    spent = api.debit(account, 100)
    time.sleep(0.8)
    api.grant(account, 100)
    hold = api.hold(account, 50, expires_in=2)["id"]
    made = results(
        api,
        [
            {"type": "reverse", "entry": spent["entry"], "reason": "it failed"},
            {"type": "debit", "account": account, "amount": 1},
        ],
    )
    assert [one["status"] for one in made] == [201, 201]
    time.sleep(2.2)
    problem(api.post(f"/v2/holds/{hold}/capture", {"amount": 10}), 409, "hold_expired")
    assert api.get(f"/v2/holds/{hold}").json()["state"] == "expired"
    assert api.wallet(account)["held"] == "0"
