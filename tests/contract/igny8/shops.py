"""A shop of its own for a test: an app nobody else uses, its one customer, and the people of that account."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import memberships
from tallystick.domain.identity.keys import create_api_key
from tallystick.domain.identity.model import Account, User
from tallystick.domain.identity.tokens import issue_tokens
from tallystick.kernel.actor import Mode, Role, Scope
from tallystick.kernel.clock import SystemClock
from tallystick.kernel.ids import typeid
from tests import cast
from tests.contract.conformance.documents import operation_of
from tests.contract.conformance.holding import hold
from tests.contract.native.payments.paying import checkout, made, pay
from tests.contract.served import Api, House

STEP = "3220"
"""The card whose every payment its owner must confirm."""

_numbers = count(1)


@dataclass
class Shop:
    """``admin`` is the product's own client; ``account`` the customer, whose internal number is in it."""

    house: House
    tenant: int
    key: str
    account: Account

    @property
    def id(self) -> str:
        """The account's TypeID."""
        return typeid("acct", self.account.uuid)

    @contextlib.contextmanager
    def admin(self) -> Iterator[Api]:
        with self.house.client(self.key) as client:
            yield client

    @contextlib.contextmanager
    def person(self, role: Role | None = Role.OWNER, **fields: Any) -> Iterator[Api]:
        """A client of somebody who is in the account; ``role`` of None: in none, but with ``staff=True`` the app's."""
        with self.house.client(self.token(self.user(role, **fields))) as client:
            client.http.headers["Content-Type"] = "application/json"
            yield client

    def user(self, role: Role | None = Role.OWNER, **fields: Any) -> User:
        async def work() -> User:
            said = {"email": f"person-{next(_numbers)}@example.com"} | fields
            user = await cast.make_user(self.house.system.db, self.tenant, **said)
            if role is not None:
                async with self.house.system.db.tx() as tx:
                    await memberships.add(
                        tx, self.tenant, account=self.account.account_id, user=user.id, role=role, by="test"
                    )
            return user

        return self.house.run(work())

    def token(self, user: User) -> str:
        async def work() -> str:
            secrets = await cast.secrets(self.house.system.db)
            async with self.house.system.db.tx() as tx:
                tokens = await issue_tokens(
                    tx, secrets, tenant=self.tenant, user=user.id, now=SystemClock().now()
                )
            return tokens.access

        return self.house.run(work())

    def package(self, **fields: Any) -> int:
        """A package's number, as this contract names it."""
        said = {"name": "Starter Pack", "credits": 500, "price": {"amount": "9.00", "currency": "USD"}}
        with self.admin() as api, self.person() as owner:
            before = ids(owner.get("/v1/billing/credit-packages/", page_size=100))
            made(api.post("/v2/packages", said | fields))
            [number] = ids(owner.get("/v1/billing/credit-packages/", page_size=100)) - before
        return number

    def card(self, last4: str = "4242") -> None:
        """The customer saves a way to pay, on the sandbox's page."""
        with self.admin() as api:
            page = checkout(api, self.id, method=True)
            pay(api, page, last4)
            if last4 == STEP:
                form = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": ""}
                answer = api.http.post(page["url"] + "/step", content="answer=approve", headers=form)
                assert answer.status_code in (200, 302, 303), answer.text
            made(api.get(f"/v2/accounts/{self.id}/payment-methods"), 200)


def shop(house: House, *, mode: Mode = Mode.TEST, **account: Any) -> Shop:
    """By default in test mode, where the sandbox and bank transfers are on unsaid."""

    async def work() -> Shop:
        db = house.system.db
        app = await cast.second_app(db)
        tenant = app.test if mode is Mode.TEST else app.live
        secrets = await cast.secrets(db)
        async with db.tx() as tx:
            key = await create_api_key(
                tx, secrets, tenant, name="product", scope=Scope.ADMIN, created_by="test"
            )
            customer = await identity.create_account(tx, tenant, **({"name": "My Account"} | account))
        return Shop(house, tenant, key.text, customer)

    return house.run(work())


def ids(response: Any) -> set[int]:
    return {row["id"] for row in made(response, 200)["results"]}


def fits(response: Any, operation: str, status: int = 200) -> dict[str, Any]:
    """The body of an answer, which must be as the contract's document says for the operation ("GET /v1/...")."""
    assert response.status_code == status, response.text
    asked = response.request
    assert operation_of(asked.method, asked.url.path)[1].name == operation
    return dict(hold(response))


def refused(response: Any, status: int) -> dict[str, Any]:
    """The contract's error body, which must be of this status."""
    body = made(response, status)
    assert body["success"] is False
    assert body["error"]
    assert body["request_id"]
    assert body.keys() <= {"success", "error", "errors", "request_id"}
    return body
