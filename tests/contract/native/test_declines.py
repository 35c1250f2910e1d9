"""A decline under the client's key answers the same again, and says that it is not new."""

from tests.contract.native.test_batch import debits, results
from tests.contract.served import Api


def test_a_shortage_stays_one_although_credits_have_come(api: Api) -> None:
    account = api.account()
    asked = {"account": account, "amount": 5}
    first = api.post("/v2/debits", asked, key="want-5")
    assert (first.status_code, first.json()["retry_with_new_key"]) == (402, True)
    assert "idempotent-replayed" not in first.headers
    api.post("/v2/grants", {"account": account, "amount": 100})
    again = api.post("/v2/debits", asked, key="want-5")
    assert (again.status_code, again.content) == (402, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert api.post("/v2/debits", asked, key="want-5-again").status_code == 201


def test_in_a_batch(api: Api) -> None:
    account = api.account()
    [first] = results(api, debits(account, 5), key="batch")
    [again] = results(api, debits(account, 5), key="batch")
    assert (first["status"], again) == (402, first)


def test_without_a_key_nothing_is_kept(api: Api) -> None:
    account = api.account()
    first = api.post("/v2/debits", {"account": account, "amount": 5})
    assert (first.status_code, "retry_with_new_key" in first.json()) == (402, False)
