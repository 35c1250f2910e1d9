"""A customer with something of everything, whoever may or may not ask for it, and a good request to each operation.

A request is made from the document: the address with what is known here of the first customer, needed parameters, and
the example of the body with known ids in it. So an operation that is added is asked without a line here, unless a name
in it means another thing than elsewhere (`_MEANT`).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final
from uuid import UUID

import httpx2

from tallystick.domain.identity import memberships
from tallystick.domain.identity.model import User
from tallystick.domain.identity.tokens import issue_tokens
from tallystick.kernel.actor import Role
from tallystick.kernel.ids import owner_of, parse_typeid, typeid
from tests import cast
from tests.contract.credibill.conftest import Product
from tests.contract.native.furnishing import SECRET, furnished
from tests.contract.native.payments.paying import bought, made
from tests.contract.served import Api, House

from . import tiers
from .documents import Contract, Operation, contracts

OUTSIDERS: Final = ("nobody", "liar", "forger", "expired", "refresh token", "deactivated")
"""Whose credential is none."""
FOREIGN_KEYS: Final = ("stranger", "test")
"""Keys of another app, and of the same app's other mode."""
FOREIGN_USERS: Final = ("owner elsewhere", "stranger's user")
"""Who owns another account: of the same app, of another app."""
KEYS: Final = ("read", "write", "admin")

# contract and operation: names in it that mean another thing than elsewhere in the contract
_MEANT: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("igny8", "POST /v1/billing/credit-packages/{id}/purchase/"): {"id": "package_number"},
    ("igny8", "DELETE /v1/account/team/{id}/"): {"id": "member_number"},
    ("appvector", "GET /api/billing/plans/{id}/"): {"id": "plan_id"},
    ("appvector", "GET /api/billing/invoices/{id}/"): {"id": "invoice_uuid"},
    ("native", "GET /v2/emails/{email}"): {"email": "mail"},
    ("native", "GET /v2/usage/{event}"): {"event": "usage"},
    ("native", "PATCH /v2/usage/{event}"): {"event": "usage"},
    ("native", "DELETE /v2/usage/{event}"): {"event": "usage"},
    ("native", "POST /v2/transfers"): {"from": "account", "to": "second"},
    ("native", "POST /v2/payments/{payment}/approve"): {"payment": "transfer"},
    ("native", "POST /v2/payments/{payment}/reject"): {"payment": "other_transfer"},
}
_SPAN: Final = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
# what an example, or the least that the schema allows, does not say
_BODIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "POST /v2/plans/{plan}/quote": {"quantities": {}},
    "POST /v2/webhook-endpoints/{endpoint}/replay": _SPAN,
    # whoever is let in is told that this is too long, and the others' subscription goes on
    "POST /api/billing/subscription/cancel/": {"reason": "x" * 501},
}
# fields of bodies and parameters that hold ids; elsewhere these names may mean other things
_IDS: Final = frozenset(
    {
        "account", "plan", "package", "invoice", "payment", "subscription", "feature", "user",
        "customerId", "planId", "subscriptionId", "invoiceId", "practice_id", "package_id", "workspace_id", "plan_id",
    }
)  # fmt: skip
# parameters that stand alone: the first that is known is given
_ALONE: Final = frozenset({"subscriptionId", "customerId", "planId", "invoiceId"})
# names of the account itself, which may also be said in a header or not at all
_ABOUT: Final = frozenset({"workspace_id"})
# names in addresses that are no ids: every tenant has them
_NO_IDS: Final = frozenset({"gateway", "credit_type", "version"})
_numbers = count(1)


@dataclass(frozen=True)
class Asked:
    """``names``: whether it names something that is the first customer's (or their app's)."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    names: bool


class Scene:
    """``known``: what is the first customer's, by the names that addresses, parameters and bodies have for it."""

    def __init__(self, house: House, api: Api) -> None:
        self.house = house
        for _ in range(3):  # so that no other tenant has the numbers that are asked for
            api.account()
            made(
                api.post(
                    "/v2/packages",
                    {"name": "P", "credits": 5, "price": {"amount": "1.00", "currency": "USD"}},
                )
            )
        self.known: dict[str, Any] = furnished(house, api)
        self.known["mail"] = self.known.pop("email")
        self.account = str(self.known["account"])
        account = api.get(f"/v2/accounts/{self.account}").json()
        package = api.get(f"/v2/packages/{self.known['package']}").json()
        assert bought(api, self.account, package=self.known["package"])["status"] == "succeeded"
        entries = api.get(f"/v2/accounts/{self.known['account']}/entries").json()["data"]
        self.known["second"] = api.account()
        self.tokens = self._people(self.account, api.account())
        sold = Product(api)
        plan, customer = sold.metered(name=SECRET), sold.customer(first_name=SECRET)
        subscription = sold.subscription(customer, plan)
        [invoice] = sold.invoices(subscriptionId=subscription)
        more: dict[str, Any] = {
            "practice_id": int(account["number"]),
            "package_id": int(package["number"]),
            "package_number": int(package["number"]),
            "uuid": str(_uuid(next(one["id"] for one in entries if one["kind"] == "grant"))),
            "customerId": customer,
            "planId": plan,
            "subscriptionId": subscription,
            "invoiceId": invoice["_id"],
            "workspace_id": tiers.uuid(self.account),
            "invoice_uuid": tiers.uuid(str(self.known["invoice"])),
            "plan_id": tiers.uuid(tiers.sell(api)["ENTERPRISE_monthly"]),
        }
        for credit_type in ("api_calls", "data_scrapes"):
            api.grant(self.account, 1000, credit_type=credit_type)
        self.known |= more

    @contextmanager
    def clients(self) -> Iterator[dict[str, Api]]:
        """A client for everybody, by what they hold."""
        with ExitStack() as stack:
            opened = {
                name: stack.enter_context(self.house.client(text)) for name, text in self.tokens.items()
            }
            for name in (*KEYS, *FOREIGN_KEYS):
                opened[name] = stack.enter_context(self.house.client(name))
            opened["nobody"] = stack.enter_context(self.house.client(None))
            opened["liar"] = stack.enter_context(self.house.client("cb_live_" + "0" * 72))
            for client in opened.values():
                client.http.headers["Content-Type"] = "application/json"
            yield opened

    def request(self, operation: Operation, *, about: bool = True) -> Asked:
        """A request that would succeed, were it let in; ``about`` the first customer's account, where it can say so."""
        contract = contracts()[operation.contract]
        meant = _MEANT.get((operation.contract, operation.name), {})
        named: set[str] = set()

        def find(name: str) -> Any:
            named.add(name)
            return self.known[meant.get(name, name)]

        path = re.sub(r"\{([^}]*)\}", lambda part: str(find(part[1])), operation.path)
        query = {}
        for name, said in contract.parameters(operation).items():
            if said["in"] == "query" and name in _ABOUT and not about:
                continue
            if said["in"] == "query" and name in _IDS and not (name in _ALONE and named & _ALONE):
                query[name] = str(find(name))
            elif said["in"] == "query" and said.get("required"):
                query[name] = str(said.get("example", _SPAN.get(name, "1")))
        return Asked(operation.method, path, query, self._body(operation, find), bool(named - _NO_IDS))

    def secrets(self) -> dict[str, str]:
        """What only those may read who may see the first customer."""
        ids = {name: text for name, text in self.known.items() if isinstance(text, str) and "_" in text}
        return {**{name: text for name, text in ids.items() if name not in _NO_IDS}, "name": SECRET}

    def send(self, client: Api, asked: Asked, *, about: bool = True) -> httpx2.Response:
        """Send it; ``about`` the first customer's account, where the contract takes it from a header."""
        headers = {"X-Account": self.account} if about else {}
        content = None if asked.body is None else json.dumps(asked.body)
        return client.http.request(
            asked.method,
            asked.path,
            params=dict(asked.query) or None,
            headers=headers,
            content=content,
        )

    def _body(self, operation: Operation, find: Callable[[str], Any]) -> Any:
        """The document's example, else the least that its schema allows; with ids that there are."""
        if "requestBody" not in operation.said:
            return None
        contract = contracts()[operation.contract]
        content = contract.resolved(operation.said["requestBody"])["content"]
        media = content.get("application/json") or next(iter(content.values()))
        given = media["example"] if "example" in media else least(contract, media["schema"])
        meant = _MEANT.get((operation.contract, operation.name), {})
        given = given | _BODIES.get(operation.name, {})

        def filled(value: Any) -> Any:
            if isinstance(value, list):
                return [filled(one) for one in value]
            if not isinstance(value, dict):
                return value
            return {
                name: find(name)
                if name in meant or (name in _IDS and isinstance(inner, str | int))
                else filled(inner)
                for name, inner in value.items()
            }

        return filled(given)

    def _people(self, here: str, elsewhere: str) -> dict[str, str]:
        """Tokens by name."""
        return self.house.run(self._sign_in(_account(here), _account(elsewhere)))

    async def _sign_in(self, here: int, elsewhere: int) -> dict[str, str]:
        db, live = self.house.system.db, self.house.first.app.live
        theirs = await cast.make_account(db, self.house.other.live)
        now = datetime.now(UTC)
        tokens = {}
        for role in Role:
            user = await self._person(live, here, role)
            tokens[f"{role.value} here"] = (await self._tokens(live, user, now)).access
            # the one that the igny8 contract removes, and the one that the native contract does
            if role is Role.MEMBER:
                self.known["member_number"] = user.number
            if role is Role.ADMIN:
                self.known["user"] = typeid("user", user.id)
        elsewhere_owner = await self._person(live, elsewhere, Role.OWNER)
        tokens["owner elsewhere"] = (await self._tokens(live, elsewhere_owner, now)).access
        stranger = await self._person(self.house.other.live, theirs.account_id, Role.OWNER)
        tokens["stranger's user"] = (await self._tokens(self.house.other.live, stranger, now)).access
        owner = await self._person(live, here, Role.OWNER)
        tokens["expired"] = (await self._tokens(live, owner, now - timedelta(hours=2))).access
        both = await self._tokens(live, owner, now)
        tokens["refresh token"] = both.refresh
        head, claims, signature = both.access.split(".")
        tokens["forger"] = f"{head}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
        gone = await self._person(live, here, Role.OWNER)
        tokens["deactivated"] = (await self._tokens(live, gone, now)).access
        await cast.deactivate(db, live, gone.id)
        return tokens

    async def _person(self, tenant: int, account: int, role: Role) -> User:
        db = self.house.system.db
        user = await cast.make_user(db, tenant, f"scene-{next(_numbers)}@example.com")
        async with db.tx() as tx:
            await memberships.add(tx, tenant, account=account, user=user.id, role=role, by="test")
        return user

    async def _tokens(self, tenant: int, user: User, now: datetime) -> Any:
        db = self.house.system.db
        secrets = await cast.secrets(db)
        async with db.tx() as tx:
            return await issue_tokens(tx, secrets, tenant=tenant, user=user.id, now=now)


def least(contract: Contract, schema: Mapping[str, Any]) -> Any:
    """The least value that a schema describes: needed fields alone."""
    schema = contract.resolved(schema)
    for key in ("example", "const", "default"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if key in schema:
            return schema[key][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return least(contract, schema[key][0])
    kinds = {"array": [], "boolean": True, "integer": 1, "number": 1, "string": "1", "null": None}
    if schema.get("type") != "object":
        return kinds[schema.get("type", "null")]
    properties = schema.get("properties", {})
    return {name: least(contract, properties[name]) for name in schema.get("required", ())}


def _account(text: str) -> int:
    """An account's internal number."""
    return owner_of(_uuid(text))


def _uuid(text: str) -> UUID:
    found = parse_typeid(text.partition("_")[0], text)
    assert found is not None
    return found
