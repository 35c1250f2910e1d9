"""An account's id with the right number inside and the rest made up is nobody's."""

from tests.contract.native.test_batch import results
from tests.contract.served import Api, problem


def forged(account: str) -> str:
    """The same number, another time of birth."""
    other = "0" if account[12] != "0" else "1"
    return account[:12] + other + account[13:]


def test_nothing_is_done_or_shown(api: Api) -> None:
    account, other = api.funded(10), api.account()
    false = forged(account)
    problem(api.post("/v2/debits", {"account": false, "amount": 1}), 404, "not_found")
    problem(api.post("/v2/grants", {"account": false, "amount": 1}), 404, "not_found")
    problem(api.post("/v2/holds", {"account": false, "amount": 1, "expires_in": 9}), 404, "not_found")
    problem(api.post("/v2/transfers", {"from": false, "to": other, "amount": 1}), 404, "not_found")
    problem(api.post("/v2/transfers", {"from": other, "to": false, "amount": 1}), 404, "not_found")
    problem(api.post(f"/v2/accounts/{false}/overdraft", {"overdraft": 1}), 404, "not_found")
    problem(api.get(f"/v2/accounts/{false}/balance"), 404, "not_found")
    problem(api.get(f"/v2/accounts/{false}"), 404, "not_found")
    problem(api.get(f"/v2/accounts/{false}/entries"), 404, "not_found")
    [result] = results(api, [{"type": "debit", "account": false, "amount": 1}])
    assert result["status"] == 404
    assert api.wallet(account)["posted"] == "10"
