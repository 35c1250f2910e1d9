"""Gateways' settings and the payment policy: secrets go in, and never come out."""

import psycopg
import pytest

from tallystick.kernel.actor import Role
from tests.contract.served import Api, House, fields_of, problem

from .paying import CREDITS, checkout, invoice, made, member, method_of, pay

pytestmark = pytest.mark.holds(
    "native",
    "GET /v2/gateways",
    "GET /v2/gateways/{gateway}",
    "PUT /v2/gateways/{gateway}",
    "GET /v2/payment-policy",
    "PUT /v2/payment-policy",
)

SECRET = "sk_test_planted_51abcdefghijklmnop"
HOOK = "whsec_planted_0123456789abcdef"


def test_gateways_are_listed(api: Api, reader: Api) -> None:
    rows = {row["name"]: row for row in api.get("/v2/gateways").json()["data"]}
    assert {"sandbox", "manual", "stripe"} <= rows.keys()
    assert (rows["sandbox"]["standard"], rows["sandbox"]["enabled"]) == (True, True)
    assert rows["stripe"]["enabled"] is False
    assert api.get("/v2/gateways/manual").json() == rows["manual"]
    problem(api.get("/v2/gateways/none"), 404, "not_found")
    problem(api.send("PUT", "/v2/gateways/none", {}), 404, "not_found")
    problem(reader.get("/v2/gateways"), 403, "forbidden")
    problem(reader.send("PUT", "/v2/gateways/manual", {}), 403, "forbidden")


def test_secrets_go_in_and_never_come_out(house: House, api: Api) -> None:
    body = {"enabled": True, "secrets": {"secret_key": SECRET, "webhook_secret": HOOK}}
    put = api.send("PUT", "/v2/gateways/stripe", body)
    shown = made(put, 200)
    assert shown["webhook_url"].startswith(house.url + "/webhooks/stripe/app_")
    assert {row["name"]: row["hint"] for row in shown["secrets"]} == {
        "secret_key": SECRET[-4:],
        "webhook_secret": HOOK[-4:],
    }
    kept = made(api.send("PUT", "/v2/gateways/stripe", {"enabled": False}), 200)
    assert (kept["enabled"], kept["secrets"]) == (False, shown["secrets"])
    answers = put.text + api.get("/v2/gateways").text + api.get("/v2/audit-log").text
    assert "planted" not in answers
    with psycopg.connect(house.database_url) as conn:
        rows = conn.execute("select t::text from gateway_setting t").fetchall()
        rows += conn.execute("select t::text from audit_log t").fetchall()
        assert rows
    assert not any("planted" in text for (text,) in rows)
    refused = api.send("PUT", "/v2/gateways/stripe", {"secrets": {"nonsense": SECRET}})
    assert "planted" not in refused.text
    problem(refused, 422, "invalid_request")
    problem(
        api.send("PUT", "/v2/gateways/manual", {"enabled": False, "standard": True}), 422, "invalid_request"
    )
    gone = made(
        api.send("PUT", "/v2/gateways/stripe", {"enabled": False, "secrets": {"secret_key": ""}}), 200
    )
    assert [row["set"] for row in gone["secrets"]] == [False, True]


def test_a_secret_that_cannot_be_one_is_refused(house: House, api: Api) -> None:
    live, hook = "sk_live_planted_51abcdefghijklmnop", "whsec_planted_0123456789abcdef"
    with house.client("test") as test:
        for said, field in (
            ({"secret_key": live}, "secret_key"),
            ({"secret_key": live.replace("sk", "rk")}, "secret_key"),
            ({"secret_key": hook}, "secret_key"),
            ({"secret_key": SECRET, "webhook_secret": "nope"}, "webhook_secret"),
        ):
            refused = test.send("PUT", "/v2/gateways/stripe", {"secrets": said})
            assert fields_of(problem(refused, 422, "invalid_request")) == [f"secrets.{field}"]
            assert "planted" not in refused.text
        made(test.send("PUT", "/v2/gateways/stripe", {"secrets": {"secret_key": SECRET}}), 200)
        made(test.send("PUT", "/v2/gateways/stripe", {"enabled": False, "secrets": {"secret_key": ""}}), 200)
    made(api.send("PUT", "/v2/gateways/stripe", {"secrets": {"secret_key": live}}), 200)
    made(api.send("PUT", "/v2/gateways/stripe", {"enabled": False, "secrets": {"secret_key": ""}}), 200)


def test_the_policy_is_replaced_whole(api: Api, reader: Api) -> None:
    first = made(reader.get("/v2/payment-policy"), 200)
    assert first["retry_days"] == [0, 1, 3, 5, 7]
    put = made(api.send("PUT", "/v2/payment-policy", {"refunds": "wallet", "retry_days": [0, 2]}), 200)
    assert put == {**first, "refunds": "wallet", "retry_days": [0, 2]}
    assert reader.get("/v2/payment-policy").json() == put
    for bad in ({"refunds": "all"}, {"retry_days": [3, 1]}, {"retry_days": [-1]}, {"other": 1}):
        assert fields_of(problem(api.send("PUT", "/v2/payment-policy", bad), 422, "invalid_request"))
    problem(reader.send("PUT", "/v2/payment-policy", {}), 403, "forbidden")
    assert made(api.send("PUT", "/v2/payment-policy", {}), 200) == first


def test_the_sandbox_takes_no_live_customer_where_real_money_is_taken(house: House, api: Api) -> None:
    """Else a member buys with a test card, by naming the gateway."""
    made(api.send("PUT", "/v2/gateways/sandbox", {"standard": True}), 200)
    account = api.account()
    saved = method_of(api, account)
    left = checkout(api, account)
    owed = invoice(api, account)
    wanted = {"account": account, "credits": CREDITS, "gateway": "sandbox"}
    made(api.send("PUT", "/v2/gateways/manual", {"standard": True}), 200)
    try:
        with house.client(member(house, account, Role.OWNER)) as owner:
            problem(owner.post("/v2/checkouts", wanted), 409, "gateway_disabled")
            problem(
                owner.post("/v2/portal-sessions", {"account": account, "gateway": "sandbox"}),
                409,
                "gateway_disabled",
            )
        assert made(api.post("/v2/payments", {"invoice": owed, "method": saved}))["status"] == "failed"
        pay(api, left)  # a page that is open already ends as it began
        assert made(api.get("/v2/gateways/sandbox"), 200)["enabled"] is False
        refused = problem(api.send("PUT", "/v2/gateways/sandbox", {"enabled": True}), 422, "invalid_request")
        assert fields_of(refused) == ["enabled"]
        # a change that does not say it again leaves it the standard one
        assert made(api.send("PUT", "/v2/gateways/manual", {"options": {}}), 200)["standard"] is True
        problem(api.post("/v2/checkouts", wanted), 409, "gateway_disabled")
        # and without it there is none, rather than the sandbox
        made(api.send("PUT", "/v2/gateways/manual", {"enabled": False}), 200)
        for asked in (wanted, {"account": account, "credits": CREDITS}):
            assert api.post("/v2/checkouts", asked).status_code == 409
    finally:
        made(api.send("PUT", "/v2/gateways/sandbox", {"standard": True}), 200)
        made(api.send("PUT", "/v2/gateways/manual", {}), 200)
    with house.client("test") as test:
        made(test.send("PUT", "/v2/gateways/manual", {"standard": True}), 200)
        opened = checkout(test, test.account(), credits=CREDITS, gateway="sandbox")
        assert opened["gateway"] == "sandbox", "in test mode no money moves"
        made(test.send("PUT", "/v2/gateways/sandbox", {"standard": True}), 200)
