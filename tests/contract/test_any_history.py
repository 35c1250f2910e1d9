"""Whatever happens to a wallet, every contract that speaks of it tells the same balance and the same rows."""

from typing import Any, Final

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .igny8.shops import Shop, shop
from .native.payments.paying import made
from .served import Api, House
from .story.telling import Wallet

pytestmark = [
    pytest.mark.holds("igny8", "GET /v1/billing/credits/balance/balance/"),
    pytest.mark.holds("igny8", "GET /v1/billing/transactions/"),
    pytest.mark.holds("igny8", "GET /v1/billing/credits/usage/"),
    pytest.mark.holds("igny8", "GET /v1/account/usage/analytics/"),
    pytest.mark.holds("practice", "GET /api/credits/balance/"),
    pytest.mark.holds("practice", "GET /api/credits/transactions/"),
    pytest.mark.holds("account", "GET /auth/account/credits"),
    pytest.mark.holds("account", "GET /auth/account/ledger"),
    pytest.mark.holds("appvector", "GET /api/billing/credits/"),
    pytest.mark.holds("appvector", "POST /api/billing/credits/consume/"),
    pytest.mark.holds("appvector", "POST /api/billing/credits/bonus/"),
    pytest.mark.holds("appvector", "GET /api/billing/credits/history/"),
]

REFUSED: Final = (402, 404, 409)
"""What the books may say no to: too few credits, or nothing there to undo."""

amounts = st.sampled_from(
    ["0.000001", "0.5", "0.999999", "1", "1.5", "2.25", "7", "13.333333", "100"]
) | st.decimals("0.000001", "30", places=6).map(str)
places = st.integers(0, 30)
"""Which of the account's holds, grants or entries."""

steps = st.one_of(
    st.tuples(st.just("grant"), amounts, st.sampled_from(["purchase", "promo", "plan"])),
    st.tuples(st.just("debit"), amounts),
    st.tuples(st.just("send"), st.sampled_from(["sms", "voice"]), st.sampled_from(["0.5", "1", "3"])),
    st.tuples(st.just("hold"), amounts),
    st.tuples(st.just("capture"), places, amounts, st.booleans()),
    st.tuples(st.just("release"), places),
    st.tuples(st.just("reverse"), places),
    st.tuples(st.just("refund"), places, amounts),
    st.tuples(st.just("move"), st.booleans(), amounts),
    st.tuples(st.just("adjust"), st.sampled_from(["credit", "debit"]), amounts),
    st.tuples(st.just("overdraft"), st.sampled_from(["0", "10.5", "100"])),
    st.tuples(st.just("buy"), st.sampled_from(["4242", "0002"])),
    st.tuples(st.just("consume"), st.integers(1, 12)),
    st.tuples(st.just("thank"), st.integers(1, 12)),
)


class Life:
    """One customer of a shop of its own, and a second, with whom credits are exchanged."""

    def __init__(self, shop: Shop, api: Api, owner: Api) -> None:
        self.api, self.wallet = api, Wallet(api, owner, shop.id)
        self.workspace = {"workspace_id": str(shop.account.uuid)}
        api.http.headers["Content-Type"] = "application/json"
        self.other = api.account()
        api.grant(self.other, 50, source="purchase")
        pack = {
            "name": "Odd",
            "credits": "10.75",
            "bonus": "2.5",
            "price": {"amount": 900, "currency": "USD"},
        }
        self.package = int(made(api.post("/v2/packages", pack))["number"])
        rates = [{"operation": "sms", "cost": "2"}, {"operation": "voice", "cost": "0.7"}]
        made(api.send("PUT", "/v2/rate-card", {"rates": rates}), 200)

    def step(self, what: str, *said: Any) -> None:
        answer: httpx2.Response | None = getattr(self, what)(*said)
        if answer is not None and not answer.is_success:
            assert answer.status_code in REFUSED, answer.text

    def grant(self, amount: str, source: str) -> httpx2.Response:
        return self._mine("/v2/grants", amount=amount, source=source)

    def debit(self, amount: str) -> httpx2.Response:
        return self._mine("/v2/debits", amount=amount)

    def send(self, operation: str, quantity: str) -> httpx2.Response:
        return self._mine("/v2/debits", operation=operation, quantity=quantity, reference="campaign")

    def hold(self, amount: str) -> httpx2.Response:
        return self._mine("/v2/holds", amount=amount, expires_in=3600)

    def capture(self, place: int, amount: str, final: bool) -> httpx2.Response | None:
        found = self._one("holds", place)
        return found and self.api.post(f"/v2/holds/{found}/capture", {"amount": amount, "final": final})

    def release(self, place: int) -> httpx2.Response | None:
        found = self._one("holds", place)
        return found and self.api.post(f"/v2/holds/{found}/release", {})

    def reverse(self, place: int) -> httpx2.Response | None:
        found = self._one("entries", place)
        return found and self.api.post(f"/v2/entries/{found}/reverse", {"reason": "a mistake"})

    def refund(self, place: int, amount: str) -> httpx2.Response | None:
        found = self._one("grants", place)
        return found and self.api.post(
            f"/v2/grants/{found}/refund", {"amount": amount, "reason": "a mistake"}
        )

    def move(self, out: bool, amount: str) -> httpx2.Response:
        ends = (self.wallet.account, self.other) if out else (self.other, self.wallet.account)
        return self.api.post("/v2/transfers", {"from": ends[0], "to": ends[1], "amount": amount})

    def adjust(self, direction: str, amount: str) -> httpx2.Response:
        return self._mine("/v2/adjustments", direction=direction, amount=amount, reason="counted again")

    def overdraft(self, overdraft: str) -> httpx2.Response:
        return self.api.post(f"/v2/accounts/{self.wallet.account}/overdraft", {"overdraft": overdraft})

    def buy(self, card: str) -> httpx2.Response:
        body = {"practice_id": self.wallet.number, "package_id": self.package}
        return self.api.post(
            "/api/credits/purchase/", body | {"payment_method": {"type": "card", "last_four": card}}
        )

    def consume(self, amount: int) -> httpx2.Response:
        use = {"feature_key": "credits", "amount": amount, "metadata": {"operation": "report"}}
        return self.api.post("/api/billing/credits/consume/", self.workspace | use)

    def thank(self, amount: int) -> httpx2.Response:
        bonus = {"feature_key": "credits", "amount": amount, "reason": "thanks"}
        return self.api.post("/api/billing/credits/bonus/", self.workspace | bonus)

    def _mine(self, path: str, **fields: Any) -> httpx2.Response:
        return self.api.post(path, {"account": self.wallet.account} | fields)

    def _one(self, kind: str, place: int) -> Any:
        rows = self.api.get(f"/v2/accounts/{self.wallet.account}/{kind}").json()["data"]
        return rows[place % len(rows)]["id"] if rows else None


def live(house: House, history: list[tuple[Any, ...]]) -> None:
    here = shop(house, time_zone="UTC")
    with here.admin() as api, here.person() as owner:
        life = Life(here, api, owner)
        for number, said in enumerate(history):
            life.step(*said)
            if number % 8 == 7:
                life.wallet.agree()
        life.wallet.agree()


@settings(max_examples=8, phases=[Phase.generate], suppress_health_check=[*HealthCheck])
@given(history=st.lists(steps, min_size=8, max_size=20))
def test_every_contract_tells_the_same(house: House, history: list[tuple[Any, ...]]) -> None:
    live(house, history)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=300, derandomize=False, suppress_health_check=[*HealthCheck])
@given(history=st.lists(steps, min_size=8, max_size=40))
def test_every_contract_tells_the_same_at_length(house: House, history: list[tuple[Any, ...]]) -> None:
    live(house, history)
