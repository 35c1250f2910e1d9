"""What the tests of payments do again and again: sell credits, and pay on the sandbox's page as a customer does."""

from itertools import count
from typing import Any

from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import memberships
from tallystick.domain.identity import views as identities
from tallystick.domain.identity.tokens import issue_tokens
from tallystick.kernel.actor import Role
from tallystick.kernel.clock import SystemClock
from tallystick.kernel.ids import owner_of, parse_typeid
from tests.contract.served import Api, House

CREDITS = {"amount": 500}
"""At one cent each."""
_numbers = count(1)


def made(response: Any, status: int = 201) -> dict[str, Any]:
    assert response.status_code == status, response.text
    return dict(response.json())


def checkout(api: Api, account: str, **fields: Any) -> dict[str, Any]:
    """An open checkout; by default of 500 credits."""
    fields = fields or {"credits": CREDITS}
    return made(api.post("/v2/checkouts", {"account": account, **fields}))


def pay(api: Api, opened: dict[str, Any], card: str = "4242", *, keep: bool = False) -> None:
    """Pay on a checkout's page, in a browser that has no credential."""
    body = f"card={card}" + ("&keep=yes" if keep else "")
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": ""}
    sent = api.http.post(opened["url"], content=body, headers=headers, follow_redirects=False)
    assert sent.status_code in (302, 303), sent.text


def bought(api: Api, account: str | None = None, card: str = "4242", **fields: Any) -> dict[str, Any]:
    """The payment of a checkout that was paid."""
    keep = bool(fields.pop("keep", False))
    opened = checkout(api, account or api.account(), **fields)
    pay(api, opened, card, keep=keep)
    return made(api.get(f"/v2/payments/{opened['payment']}"), 200)


def method_of(api: Api, account: str, card: str = "4242") -> str:
    """A saved way to pay."""
    pay(api, checkout(api, account, method=True), card)
    rows = api.get(f"/v2/accounts/{account}/payment-methods").json()["data"]
    [found] = [row["id"] for row in rows if row["last4"] == card]
    return str(found)


def invoice(api: Api, account: str, amount: str = "5.00") -> str:
    """An open one-off invoice's id."""
    line = {"description": "Work", "amount": amount}
    body = {"account": account, "lines": [line], "currency": "USD", "finalize": True}
    return str(made(api.post("/v2/invoices", body))["id"])


def posted(api: Api, account: str) -> str:
    return str(api.wallet(account)["posted"])


def member(house: House, account: str, role: Role) -> str:
    """The access token of a member of an account."""

    async def sign_in() -> str:
        uuid = parse_typeid("acct", account)
        assert uuid is not None
        tenant = house.first.app.live
        db = house.system.db
        async with db.tx() as tx:
            user = await identity.create_user(
                tx, tenant, email=f"member-{next(_numbers)}@example.com", password_hash="none", by="test"
            )
            await memberships.add(tx, tenant, account=owner_of(uuid), user=user.id, role=role, by="test")
            secrets = await identities.load_secrets(tx)
            tokens = await issue_tokens(tx, secrets, tenant=tenant, user=user.id, now=SystemClock().now())
        return tokens.access

    return house.run(sign_in())
