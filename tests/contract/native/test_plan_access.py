"""Who may do what to plans, features and packages; and that the document tells of them"""

from collections.abc import Iterator
from typing import Any

import pytest

from tallystick.domain.identity import memberships
from tallystick.kernel.actor import Role
from tests import cast
from tests.contract.native.test_plans import BARE, made
from tests.contract.served import Api, House, problem


@pytest.fixture(scope="module")
def member(house: House) -> Iterator[Api]:
    """Somebody who owns an account, and so is no staff."""
    tenant = house.first.app.live

    async def make() -> str:
        db = house.system.db
        ann = await cast.make_user(db, tenant, "ann@acme.example", cast.PASSWORD)
        account = (await cast.acme(db, tenant)).account_id
        async with db.tx() as tx:
            await memberships.add(tx, tenant, account=account, user=ann.id, role=Role.OWNER, by="test")
        return ann.email

    email = house.run(make())
    with house.client(None) as nobody:
        tokens = nobody.post("/v2/auth/login", {"email": email, "password": cast.PASSWORD}).json()
    with house.client(tokens["access"]) as client:
        yield client


def acts(api: Api) -> list[tuple[str, str, Any]]:
    """Every endpoint, on objects that are there."""
    plan = made(api, key=None)["id"]
    name = plan[-20:]
    feature = api.post("/v2/features", {"key": name, "name": "x", "type": "BOOLEAN"}).json()["id"]
    price = {"amount": 1, "currency": "USD"}
    package = api.post("/v2/packages", {"name": "x", "credits": 1, "price": price}).json()["id"]
    return [
        ("GET", f"/v2/plans/{plan}", None),
        ("GET", f"/v2/plans/{plan}/versions", None),
        ("GET", f"/v2/plans/{plan}/versions/1", None),
        ("POST", f"/v2/plans/{plan}/quote", {}),
        ("GET", f"/v2/features/{feature}", None),
        ("GET", f"/v2/packages/{package}", None),
        ("PATCH", f"/v2/plans/{plan}", {"name": "x"}),
        ("PATCH", f"/v2/features/{feature}", {"name": "y"}),
        ("PATCH", f"/v2/packages/{package}", {"name": "y"}),
        ("DELETE", f"/v2/plans/{plan}", None),
        ("DELETE", f"/v2/features/{feature}", None),
        ("DELETE", f"/v2/packages/{package}", None),
    ]


WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/v2/plans", BARE),
    ("POST", "/v2/features", {"key": "new", "name": "New", "type": "BOOLEAN"}),
    ("POST", "/v2/packages", {"name": "x", "credits": 1, "price": {"amount": 1, "currency": "USD"}}),
]
READS = ["/v2/plans", "/v2/features", "/v2/packages"]


def test_another_tenants_objects_are_as_unknown(api: Api, stranger: Api, test_mode: Api) -> None:
    for method, path, body in acts(api):
        for other in (stranger, test_mode):
            problem(other.send(method, path, body), 404, "not_found")
        assert api.send(method, path, body).status_code == 200, (method, path)


def test_another_tenant_sees_nothing_in_lists(api: Api, test_mode: Api) -> None:
    acts(api)
    for path in READS:
        assert api.get(path).json()["data"]
        assert test_mode.get(path).json()["data"] == []


def test_who_may_do_what(api: Api, reader: Api, writer: Api, nobody: Api, member: Api) -> None:
    for method, path, body in acts(api) + WRITES + [("GET", path, None) for path in READS]:
        problem(nobody.send(method, path, body), 401, "unauthenticated")
        problem(member.send(method, path, body), 403, "forbidden")
        if method == "GET" or path.endswith("/quote"):
            assert reader.send(method, path, body).status_code == 200
        else:
            problem(reader.send(method, path, body), 403, "forbidden")
            assert writer.send(method, path, body).status_code in (200, 201)


def test_every_endpoint_is_documented(api: Api) -> None:
    document = api.get("/v2/openapi.json").json()
    for path in ("/v2/plans", "/v2/features", "/v2/packages"):
        request = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        form = document["components"]["schemas"][request["$ref"].rpartition("/")[2]]
        [example] = form["examples"]
        example |= {"key": "documented"}  # others of this file may have the example's
        assert api.post(path, example).status_code == 201
    for name in ("Plan", "PlanVersion", "Quote", "Feature", "Package", "PlanComponent"):
        assert document["components"]["schemas"][name]["properties"]


def test_units_are_told_apart(api: Api) -> None:
    schemas = api.get("/v2/openapi.json").json()["components"]["schemas"]

    def said(form: str, name: str) -> str:
        field = schemas[form]["properties"][name]
        return str([part.get("description") for part in (field, *field.get("anyOf", ()))])

    for form, field, words in (
        ("NewTier", "unit_price", "half a cent"),
        ("NewComponent", "unit_price", "half a cent"),
        ("NewComponent", "rate", "Per cent of what the meter says, which is money in minor units"),
        ("NewComponent", "meter", "measures money in minor units"),
        ("NewComponent", "amount", "all decimals of the currency"),
        ("NewComponent", "free_units", "Units"),
        ("NewComponent", "package_size", "Units"),
        ("NewTier", "up_to", "Units"),
        ("NewInvoiceLine", "unit_price", "half a cent"),
        ("UsageEventRequest", "quantity", "Units"),
        ("ConsumeFeature", "amount", "Units of a HARD_LIMIT"),
        ("PlanTier", "unit_price", "half a cent"),
        ("PlanComponent", "rate", "Per cent"),
        ("UsageEventRow", "quantity", "Units"),
        ("Reading", "quantity", "Units"),
    ):
        assert words in said(form, field), (form, field)
