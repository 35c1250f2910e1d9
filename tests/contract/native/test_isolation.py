"""Who may do what: scopes, tenants and modes, for every endpoint"""

from typing import Any

from tests.contract.served import Api, House, problem

UNKNOWN = "0" * 26


def acts(api: Api) -> list[tuple[str, str, Any]]:
    """Every endpoint that names an object, on objects that are there."""
    account = api.funded(100)
    grant, debit, hold = api.grant(account, 5), api.debit(account), api.hold(account, 5)
    reason = {"reason": "x"}
    return [
        ("GET", f"/v2/accounts/{account}", None),
        ("PATCH", f"/v2/accounts/{account}", {"name": "Mine now"}),
        ("GET", f"/v2/accounts/{account}/balance", None),
        ("GET", f"/v2/accounts/{account}/entries", None),
        ("GET", f"/v2/accounts/{account}/grants", None),
        ("GET", f"/v2/accounts/{account}/holds", None),
        ("POST", f"/v2/accounts/{account}/overdraft", {"overdraft": 5}),
        ("POST", "/v2/grants", {"account": account, "amount": 1}),
        ("POST", "/v2/debits", {"account": account, "amount": 1}),
        ("POST", "/v2/holds", {"account": account, "amount": 1, "expires_in": 60}),
        ("POST", "/v2/adjustments", {"account": account, "direction": "credit", "amount": 1, **reason}),
        ("POST", "/v2/transfers", {"from": account, "to": account, "amount": 1}),
        ("GET", f"/v2/holds/{hold['id']}", None),
        ("POST", f"/v2/holds/{hold['id']}/report", {"amount": 1}),
        ("POST", f"/v2/holds/{hold['id']}/extend", {"amount": 1}),
        ("POST", f"/v2/holds/{hold['id']}/capture", {"amount": 1}),
        ("POST", f"/v2/holds/{hold['id']}/release", None),
        ("GET", f"/v2/entries/{debit['entry']}", None),
        ("GET", f"/v2/entries/{debit['entry']}/explain", None),
        ("POST", f"/v2/entries/{debit['entry']}/reverse", reason),
        ("POST", f"/v2/grants/{grant['id']}/refund", {"amount": 1, **reason}),
        ("POST", "/v2/requests", {"requests": [{"account": account, "route": "/x", "status": 200}]}),
        ("DELETE", f"/v2/api-keys/{api.get('/v2/api-keys').json()['data'][0]['id']}", None),
    ]


WRITES = [
    ("POST", "/v2/accounts", {}),
    ("PUT", "/v2/credit-types", {"code": "x", "name": "X"}),
    ("PUT", "/v2/rate-card", {"rates": []}),
    ("POST", "/v2/batch", {"commands": []}),
]
ADMIN = [
    ("GET", "/v2/api-keys", None),
    ("POST", "/v2/api-keys", {"name": "x", "scope": "read"}),
    ("GET", "/v2/audit-log", None),
]
READS = ["/v2/accounts", "/v2/credit-types", "/v2/rate-card/versions"]


def test_another_tenants_objects_are_as_unknown(api: Api, stranger: Api, test_mode: Api) -> None:
    for method, path, body in acts(api):
        for other in (stranger, test_mode):
            refused = problem(other.send(method, path, body), 404, "not_found")
            assert "No such" in refused["detail"]
    hidden = acts(api)[-6:-1]
    for method, path, body in hidden:
        parts = path.split("/")
        unknown = (
            "/".join([*parts[:3], parts[3].split("_")[0] + "_" + UNKNOWN, *parts[4:]])
            if len(parts) > 3
            else path
        )
        if unknown != path:
            first, second = stranger.send(method, path, body), stranger.send(method, unknown, body)
            assert (first.status_code, first.content) == (second.status_code, second.content)


def test_nobody(api: Api, nobody: Api) -> None:
    for method, path, body in [*acts(api), *WRITES, *ADMIN, *(("GET", path, None) for path in READS)]:
        response = nobody.send(method, path, body)
        problem(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"] == "Bearer"


def test_credentials_that_are_wrong(house: House, api: Api) -> None:
    key = house.keys["admin"]
    for wrong in (key[:-1] + ("0" if key[-1] != "0" else "1"), "x", "cb_live_" + "0" * 72, "é", key.upper()):
        for path in ("/v2/accounts", f"/v2/accounts/{api.account()}/balance"):
            response = api.http.get(path, headers={b"Authorization": f"Bearer {wrong}".encode()})
            problem(response, 401, "unauthenticated")
    problem(api.http.get("/v2/accounts", headers={"Authorization": key}), 401, "unauthenticated")


def test_a_key_that_reads(api: Api, reader: Api) -> None:
    for method, path, body in [*acts(api), *WRITES]:
        response = reader.send(method, path, body)
        if method == "GET":
            assert response.status_code == 200, path
        else:
            problem(response, 403, "forbidden")
    for path in READS:
        assert reader.get(path).status_code == 200


def test_what_needs_an_admin(writer: Api, api: Api) -> None:
    for method, path, body in ADMIN:
        problem(writer.send(method, path, body), 403, "forbidden")
        assert api.send(method, path, body).status_code in (200, 201)
    key = api.get("/v2/api-keys").json()["data"][0]["id"]
    problem(writer.send("DELETE", f"/v2/api-keys/{key}"), 403, "forbidden")


def test_live_and_test_never_meet(api: Api, test_mode: Api) -> None:
    api.account(external_id="both")
    test_mode.account(external_id="both")
    live, test = api.get("/v2/accounts/ext:both").json(), test_mode.get("/v2/accounts/ext:both").json()
    assert live["id"] != test["id"]
    test_mode.grant("ext:both", 5)
    assert api.get("/v2/accounts/ext:both/balance").json()["balances"] == []
