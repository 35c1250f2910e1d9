"""Credentials, addresses and methods: the same for every operation."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.conformance.holding import hold
from tests.contract.served import Api, House
from tests.outages import table_away

from .conftest import DOCUMENT, OPERATIONS, Product, error

pytestmark = pytest.mark.holds(
    "credibill",
    "POST /api/usage",
    "POST /api/customers",
    "GET /api/customers",
    "PATCH /api/customers",
    "POST /api/subscriptions",
    "GET /api/subscriptions",
    "DELETE /api/subscriptions",
    "POST /api/plans",
    "GET /api/plans",
    "PATCH /api/plans",
    "DELETE /api/plans",
    "GET /api/invoices",
    "PATCH /api/invoices",
)

UNAUTHORIZED = "Missing or invalid Authorization header"
READ_ONLY = "API key lacks write permissions"
PATHS = list(DOCUMENT["paths"])
WRITES = [(method, path) for method, path in OPERATIONS if method != "GET"]


class Cast:
    """One object of each kind, in the live mode of the first app."""

    def __init__(self, product: Product) -> None:
        self.customer = product.customer()
        self.plan = product.metered()
        self.subscription = product.subscription(self.customer, self.plan)
        [invoice] = product.invoices(subscriptionId=self.subscription)
        self.invoice = invoice["_id"]

    def request(self, method: str, path: str) -> tuple[str, Any]:
        """A request that would succeed: its address with the query, and its body."""
        asked: dict[tuple[str, str], tuple[str, Any]] = {
            ("POST", "/api/usage"): (
                "",
                {"subscriptionId": self.subscription, "quantity": 1, "metric": "api_calls"},
            ),
            ("POST", "/api/customers"): ("", {"email": "new@example.com"}),
            ("GET", "/api/customers"): (f"?customerId={self.customer}", None),
            ("PATCH", "/api/customers"): ("", {"customerId": self.customer, "phone": "1"}),
            ("POST", "/api/subscriptions"): ("", {"customerId": self.customer, "planId": self.plan}),
            ("GET", "/api/subscriptions"): (f"?subscriptionId={self.subscription}", None),
            ("DELETE", "/api/subscriptions"): (f"?subscriptionId={self.subscription}", None),
            ("POST", "/api/plans"): (
                "",
                {
                    "name": "P",
                    "pricingModel": "flat",
                    "baseAmount": 1,
                    "currency": "USD",
                    "interval": "monthly",
                },
            ),
            ("GET", "/api/plans"): ("", None),
            ("PATCH", "/api/plans"): ("", {"planId": self.plan, "name": "Q"}),
            ("DELETE", "/api/plans"): (f"?planId={self.plan}", None),
            ("GET", "/api/invoices"): (f"?invoiceId={self.invoice}", None),
            ("PATCH", "/api/invoices"): ("", {"invoiceId": self.invoice, "status": "paid"}),
        }
        query, body = asked[method, path]
        return path + query, body


@pytest.fixture(scope="module")
def players(house: House) -> Iterator[Cast]:
    with house.client("write") as api:
        yield Cast(Product(api))


CREDENTIALS = [
    None,
    "",
    "Basic YTpi",
    "Bearer",
    "Bearer garbage",
    "Bearer a.b.c",
    "Bearer cb_live_nothing",
    "cb_live_nothing",
]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_without_a_good_key(nobody: Api, players: Cast, method: str, path: str) -> None:
    for header in CREDENTIALS:
        address, body = players.request(method, path)
        headers = {} if header is None else {"Authorization": header}
        answer = nobody.http.request(method, address, content=json.dumps(body), headers=headers)
        error(answer, 401, UNAUTHORIZED)
        assert answer.headers["www-authenticate"] == "Bearer"
        hold(answer)


def test_a_users_token_is_no_key(house: House, players: Cast, nobody: Api) -> None:
    login = {"email": house.first.owner_email, "password": house.first.owner_password}
    token = nobody.post("/v2/auth/login", login).json()["access"]
    with house.client(token) as user:
        for method, path in OPERATIONS:
            address, body = players.request(method, path)
            error(user.send(method, address, body), 401, UNAUTHORIZED)


BODIES = [b"{", b"[]", b'{"unknown": 1}', None]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_key_that_may_only_read(reader: Api, players: Cast, method: str, path: str) -> None:
    """Whatever the body is: who may not write is told nothing of it."""
    for body in BODIES:
        address, whole = players.request(method, path)
        answer = reader.send(method, address, whole if body is None else body)
        error(answer, 403, READ_ONLY)
        hold(answer)


def test_a_key_that_may_only_read_reads(reader: Api, players: Cast) -> None:
    for method, path in OPERATIONS:
        if method == "GET":
            address, _ = players.request(method, path)
            assert reader.get(address).status_code == 200
            assert reader.get(path).status_code == 200


def test_write_implies_read_and_admin_both(writer: Api, api: Api, players: Cast) -> None:
    for client in (writer, api):
        for path in PATHS[1:]:
            assert client.get(path).status_code == 200
        assert client.post("/api/plans", players.request("POST", "/api/plans")[1]).status_code == 201


@pytest.mark.parametrize("who", ["test", "stranger"])
def test_the_other_mode_and_another_app(house: House, players: Cast, who: str) -> None:
    """They see nothing of the cast, and change nothing."""
    with house.client("write") as mine:
        before = [mine.get(path).content for path in PATHS[1:]]
    with house.client(who) as other:
        for path in PATHS[1:]:
            assert list(other.get(path).json().values()) == [[]]
        for method, path in OPERATIONS:
            if (method, path) in (("POST", "/api/customers"), ("POST", "/api/plans"), ("GET", "/api/plans")):
                continue
            address, body = players.request(method, path)
            answer = other.send(method, address, body)
            what = path.removeprefix("/api/").removesuffix("s").replace("usage", "subscription")
            if (method, path) == ("POST", "/api/subscriptions"):
                what = "customer"
            error(answer, 404, f"{what.capitalize()} not found")
            hold(answer)
        for path, name, id in (
            ("/api/subscriptions", "customerId", players.customer),
            ("/api/subscriptions", "planId", players.plan),
            ("/api/invoices", "customerId", players.customer),
            ("/api/invoices", "subscriptionId", players.subscription),
        ):
            error(other.get(path, **{name: id}), 404)
        theirs = Product(other)
        body = {"customerId": theirs.customer(), "planId": players.plan}
        error(other.post("/api/subscriptions", body), 404, "Plan not found")
    with house.client("write") as mine:
        assert [mine.get(path).content for path in PATHS[1:]] == before


IDS = [
    "",
    "x",
    "j57customer123",
    "acct_",
    "acct_" + "z" * 26,
    "acct_" + "0" * 26,
    "7zz",
    "sub_01kah1q0n8e2nbk7ry0jdw5x3s",
    "\0",
    "é",
    "' or 1=1 --",
    "9" * 5000,
]


def test_unknown_ids(writer: Api, players: Cast) -> None:
    for id in IDS:
        requests: list[tuple[str, str, Any]] = [
            ("GET", "/api/customers", {"customerId": id}),
            ("GET", "/api/subscriptions", {"subscriptionId": id}),
            ("GET", "/api/subscriptions", {"customerId": id}),
            ("GET", "/api/subscriptions", {"planId": id}),
            ("GET", "/api/invoices", {"invoiceId": id}),
            ("GET", "/api/invoices", {"customerId": id}),
            ("GET", "/api/invoices", {"subscriptionId": id}),
        ]
        for method, path, query in requests:
            answer = writer.http.request(method, path, params=query)
            assert error(answer, 404).endswith(" not found")
        for path, name in (("/api/subscriptions", "subscriptionId"), ("/api/plans", "planId")):
            answer = writer.http.delete(path, params={name: id})
            error(answer, 404 if id else 400)
        bodies = [
            ("POST", "/api/usage", {"subscriptionId": id, "quantity": 1, "metric": "m"}),
            ("PATCH", "/api/customers", {"customerId": id}),
            ("POST", "/api/subscriptions", {"customerId": id, "planId": players.plan}),
            ("POST", "/api/subscriptions", {"customerId": players.customer, "planId": id}),
            ("PATCH", "/api/plans", {"planId": id}),
            ("PATCH", "/api/invoices", {"invoiceId": id, "status": "paid"}),
        ]
        for method, path, body in bodies:
            assert error(writer.send(method, path, body), 404).endswith(" not found")


@pytest.mark.parametrize("path", PATHS)
def test_other_methods(writer: Api, path: str) -> None:
    there = {method for method, at in OPERATIONS if at == path}
    allow = ", ".join(sorted(there | {"OPTIONS"} | ({"HEAD"} if "GET" in there else set())))
    for form in (path, path + "/"):
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - there:
            answer = writer.send(method, form)
            error(answer, 405, f"This address answers {allow}")
            assert answer.headers["allow"] == allow
        answer = writer.send("OPTIONS", form)
        assert (answer.status_code, answer.headers["allow"], answer.content) == (204, allow, b"")


def test_both_slash_forms_answer_and_none_is_redirected(writer: Api, players: Cast) -> None:
    for method, path in OPERATIONS:
        if method == "DELETE":
            continue
        address, body = players.request(method, path)
        if body is not None and "email" in body:
            body = {"email": "slash@example.com"}
        if (method, path) == ("POST", "/api/subscriptions"):
            body["startDate"] = "soon"
        answer = writer.send(method, address.replace(path, path + "/"), body)
        assert answer.status_code in (200, 201, 400), answer.text


@pytest.mark.parametrize(
    "path", ["/api/usage/x", "/api/customers/acct_1", "/api/plans//", "/api/invoices/1/pdf"]
)
def test_addresses_that_are_not_there(writer: Api, path: str) -> None:
    error(writer.get(path), 404, "There is nothing at this address")


@pytest.mark.parametrize("path", ["/api/usages", "/api/usag", "/api/customersx", "/api", "/api/"])
def test_addresses_beside_the_prefixes_are_not_this_contracts(writer: Api, path: str) -> None:
    assert writer.get(path).headers["content-type"] == "application/problem+json"


def test_head_is_get_without_the_body(writer: Api) -> None:
    for path in PATHS[1:]:
        answer = writer.http.head(path)
        assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(("method", "path"), [one for one in WRITES if one[0] != "DELETE"])
def test_bodies_that_are_too_large(writer: Api, method: str, path: str) -> None:
    answer = writer.send(method, path, b'{"email": "' + b"x" * (1 << 20) + b'"}')
    error(answer, 413, "A body here is at most 1048576 bytes")
    hold(answer)


def test_a_database_that_is_away(house: House, writer: Api, players: Cast) -> None:
    assert writer.get("/api/plans", limit="1").status_code == 200  # so that the key is remembered
    requests = [(method, *players.request(method, path)) for method, path in OPERATIONS]
    with house.without_database(), ThreadPoolExecutor(len(requests)) as pool:
        answers = list(pool.map(lambda one: writer.send(*one), requests))
    for answer in answers:
        assert error(answer, 503)
        assert int(answer.headers["retry-after"]) >= 1
        hold(answer)
    assert writer.get("/api/plans", limit="1").status_code == 200


def test_a_fault_of_ours(house: House, writer: Api) -> None:
    for table, path, body in (
        ("plan", "/api/plans", None),
        ("account_directory", "/api/customers", {"email": "fault@example.com"}),
    ):
        with table_away(house.database_url, table):
            answer = writer.get(path) if body is None else writer.post(path, body)
        said = error(answer, 500)
        assert table not in said


def test_requests_count_for_their_customer(house: House, writer: Api, product: Product) -> None:
    subscription = product.active()
    assert product.use(subscription).status_code == 201
    product.get_subscription(subscription)

    async def counted() -> dict[str, int]:
        await house.system.requests.flush()
        async with house.system.db.connection() as conn:
            cursor = await conn.execute(
                b"select route, sum(count)::int from request_fresh where route like '/api/%' group by route"
            )
            return dict(await cursor.fetchall())

    found = house.run(counted())
    assert found["/api/usage"] >= 1
    assert found["/api/subscriptions"] >= 1
    assert found["/api/invoices"] >= 1
