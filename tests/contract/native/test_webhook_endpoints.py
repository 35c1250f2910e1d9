"""/v2/webhook-endpoints"""

from typing import Any

import pytest

from tests.contract.served import Api, House, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "GET /v2/webhook-endpoints",
    "POST /v2/webhook-endpoints",
    "GET /v2/webhook-endpoints/{endpoint}",
    "PATCH /v2/webhook-endpoints/{endpoint}",
    "DELETE /v2/webhook-endpoints/{endpoint}",
    "POST /v2/webhook-endpoints/{endpoint}/rotate-secret",
)

PLAIN: dict[str, Any] = {"url": "https://shop.example/hooks"}


def made(api: Api, **fields: Any) -> dict[str, Any]:
    answer = api.post("/v2/webhook-endpoints", PLAIN | fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def stored(house: House, query: str) -> str:
    """All that a query gives, as one text."""

    async def read() -> str:
        async with house.system.db.connection() as conn:
            cursor = await conn.execute(query.encode())
            return str(await cursor.fetchall())

    return house.run(read())


def test_make_and_read(api: Api, reader: Api) -> None:
    shown = made(api, types=["invoice.*", "test.ping"], description="The shop", ordered=True)
    secret = shown.pop("secret")
    assert secret.startswith("whsec_")
    assert len(secret) == len("whsec_") + 32
    assert shown == {
        "id": shown["id"],
        "url": "https://shop.example/hooks",
        "description": "The shop",
        "types": ["invoice.*", "test.ping"],
        "ordered": True,
        "enabled": True,
        "previous_secret_until": None,
        "failing_since": None,
        "failures": 0,
        "disabled_at": None,
        "disabled_reason": None,
        "created_at": shown["created_at"],
        "updated_at": shown["updated_at"],
    }
    assert shown["id"].startswith("we_")
    assert reader.get(f"/v2/webhook-endpoints/{shown['id']}").json() == shown
    listed = reader.get("/v2/webhook-endpoints")
    assert shown in listed.json()["data"]
    assert secret not in listed.text
    assert made(api)["types"] == ["*"]
    assert made(api, types=["*", "*", "invoice.paid"])["types"] == ["*", "invoice.paid"]


def test_the_secret_is_given_again_and_stored_nowhere(api: Api, house: House) -> None:
    first, again = (api.post("/v2/webhook-endpoints", PLAIN, key="hook-1") for _ in range(2))
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"
    rotate = f"/v2/webhook-endpoints/{first.json()['id']}/rotate-secret"
    second, once_more = (api.post(rotate, {}, key="hook-2") for _ in range(2))
    assert second.content == once_more.content
    secrets = {first.json()["secret"], second.json()["secret"]}
    assert len(secrets) == 2
    kept = stored(house, "select body::text from request_key")
    kept += stored(
        house, "select encode(secret, 'escape'), encode(previous_secret, 'escape') from webhook_endpoint"
    )
    kept += stored(house, "select details::text from audit_log")
    assert first.json()["id"] in kept
    for secret in secrets:
        assert secret.removeprefix("whsec_") not in kept
        assert secret not in api.get("/v2/webhook-endpoints").text


def test_rotation(api: Api) -> None:
    shown = made(api)
    path = f"/v2/webhook-endpoints/{shown['id']}"
    rotated = api.post(f"{path}/rotate-secret").json()
    assert rotated["secret"] != shown["secret"]
    assert rotated["previous_secret_until"] > rotated["created_at"]
    assert api.post(f"{path}/rotate-secret", {"overlap_seconds": 0}).json()["previous_secret_until"] is None
    for wrong in (-1, 7 * 86_400 + 1, "1", 1.5, True):
        refused = problem(
            api.post(f"{path}/rotate-secret", {"overlap_seconds": wrong}), 422, "invalid_request"
        )
        assert fields_of(refused) == ["overlap_seconds"]


def test_change(api: Api) -> None:
    shown = made(api)
    del shown["secret"]
    path = f"/v2/webhook-endpoints/{shown['id']}"
    body = {
        "url": "https://other.example/x?y=1",
        "types": ["customer.*"],
        "description": "x",
        "ordered": True,
    }
    changed = api.send("PATCH", path, body).json()
    assert changed == shown | body | {"updated_at": changed["updated_at"]}
    assert api.send("PATCH", path, {}).json() == changed
    disabled = api.send("PATCH", path, {"enabled": False}).json()
    assert (disabled["enabled"], disabled["disabled_reason"]) == (False, "manual")
    assert disabled["disabled_at"] is not None
    problem(api.post(f"{path}/test"), 409, "endpoint_disabled")
    enabled = api.send("PATCH", path, {"enabled": True}).json()
    assert enabled == changed | {"updated_at": enabled["updated_at"]}
    log = api.get("/v2/audit-log", limit=1).json()["data"][0]
    assert (log["action"], log["target"]) == ("webhook_endpoint.update", shown["id"])


def test_delete(api: Api) -> None:
    shown = made(api)
    path = f"/v2/webhook-endpoints/{shown['id']}"
    assert api.send("DELETE", path).json() == {"id": shown["id"], "deleted": True}
    for method, body in (("GET", None), ("PATCH", {"description": "x"}), ("DELETE", None)):
        problem(api.send(method, path, body), 404, "not_found")
    for act in ("test", "rotate-secret"):
        problem(api.post(f"{path}/{act}"), 404, "not_found")
    assert shown["id"] not in api.get("/v2/webhook-endpoints").text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": ...}, "url"),
        ({"url": ""}, "url"),
        ({"url": "http://shop.example/"}, "url"),
        ({"url": "ftp://shop.example/"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https://u:p@shop.example/"}, "url"),
        ({"url": "https://@shop.example/"}, "url"),
        ({"url": "https://shop.example/#x"}, "url"),
        ({"url": "https://shop.example/#"}, "url"),
        ({"url": "https://shop.example:0/"}, "url"),
        ({"url": "https://shop.example:99999/"}, "url"),
        ({"url": "https://shop.example/\r\nx: y"}, "url"),
        ({"url": "https://shop.example\\@10.0.0.1/"}, "url"),
        ({"url": "https://[::1]/"}, "url"),
        ({"url": "https://[x/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://169.254.169.254/latest"}, "url"),
        ({"url": "https://2130706433/"}, "url"),
        ({"url": "https://localhost/"}, "url"),
        ({"url": "https://x.localhost./"}, "url"),
        ({"url": "https://shop.example/" + "x" * 2048}, "url"),
        ({"url": 1}, "url"),
        ({"types": []}, "types"),
        ({"types": ["invoice.teleported"]}, "types.0"),
        ({"types": ["*", "nothing.*"]}, "types.1"),
        ({"types": "*"}, "types"),
        ({"types": [1]}, "types.0"),
        ({"ordered": 1}, "ordered"),
        ({"description": "\0"}, "description"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
def test_what_is_wrong_is_named(api: Api, change: dict[str, Any], field: str) -> None:
    body = {name: value for name, value in (PLAIN | change).items() if value is not ...}
    assert fields_of(problem(api.post("/v2/webhook-endpoints", body), 422, "invalid_request")) == [field]


def test_who_may(api: Api, writer: Api, reader: Api, stranger: Api, nobody: Api, test_mode: Api) -> None:
    shown = made(api)
    path = f"/v2/webhook-endpoints/{shown['id']}"
    for client in (writer, reader):
        assert client.get(path).status_code == 200
        problem(client.post("/v2/webhook-endpoints", PLAIN), 403, "forbidden")
        problem(client.send("PATCH", path, {"enabled": False}), 403, "forbidden")
        problem(client.send("DELETE", path), 403, "forbidden")
        for act in ("test", "rotate-secret"):
            problem(client.post(f"{path}/{act}"), 403, "forbidden")
        span = {"from": "2026-01-01", "to": "2027-01-01"}
        problem(client.post(f"{path}/replay", span), 403, "forbidden")
    problem(nobody.get("/v2/webhook-endpoints"), 401, "unauthenticated")
    for client in (stranger, test_mode):
        problem(client.get(path), 404, "not_found")
        problem(client.send("PATCH", path, {"enabled": False}), 404, "not_found")
        problem(client.send("DELETE", path), 404, "not_found")
        problem(client.post(f"{path}/test"), 404, "not_found")
        assert shown["id"] not in client.get("/v2/webhook-endpoints").text


def test_no_more_than_fifty(test_mode: Api) -> None:
    for _ in range(50):
        made(test_mode)
    problem(test_mode.post("/v2/webhook-endpoints", PLAIN), 409, "too_many_endpoints")
    first = test_mode.get("/v2/webhook-endpoints", limit=49).json()
    rest = test_mode.get("/v2/webhook-endpoints", limit=49, cursor=first["next_cursor"]).json()
    assert (len(first["data"]), len(rest["data"]), rest["next_cursor"]) == (49, 1, None)


@pytest.mark.parametrize("path", ["x", "we_x", "we_" + "0" * 26, "%00", "%ff"])
def test_unknown_endpoints(api: Api, path: str) -> None:
    problem(api.get(f"/v2/webhook-endpoints/{path}"), 404, "not_found")
    problem(api.send("DELETE", f"/v2/webhook-endpoints/{path}"), 404, "not_found")
    span = {"from": "2026-01-01", "to": "2027-01-01"}
    problem(api.post(f"/v2/webhook-endpoints/{path}/replay", span), 404, "not_found")
