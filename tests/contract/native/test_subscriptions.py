"""/v2/subscriptions: each endpoint, as it is meant"""

from calendar import monthrange
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.native.subscribing import feature, kinds, paid, plan, read, subscribe
from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "POST /v2/subscriptions",
    "GET /v2/subscriptions",
    "GET /v2/subscriptions/{subscription}",
    "PATCH /v2/subscriptions/{subscription}",
    "POST /v2/subscriptions/{subscription}/change",
    "DELETE /v2/subscriptions/{subscription}/change",
    "POST /v2/subscriptions/{subscription}/change/preview",
    "POST /v2/subscriptions/{subscription}/cancel",
    "DELETE /v2/subscriptions/{subscription}/cancel",
    "POST /v2/subscriptions/{subscription}/pause",
    "POST /v2/subscriptions/{subscription}/resume",
    "GET /v2/subscriptions/{subscription}/changes",
    "GET /v2/subscriptions/{subscription}/upcoming-invoice",
    "GET /v2/subscriptions/{subscription}/allowances",
)

LATER = datetime.now(UTC).year + 2

FIELDS = {
    "id", "account", "plan", "status", "billing", "time_zone", "interval", "currency", "pricing_model",
    "base_amount", "components", "allowances", "features", "trial_days", "debits", "anchor", "started_at",
    "trial_end", "current_period_start", "current_period_end", "cancel_at_period_end", "cancel_reason",
    "cancelled_at", "ended_at", "paused_at", "resume_at", "past_due_since", "grace_until", "scheduled_change",
    "overrides", "metadata", "created_at", "updated_at",
}  # fmt: skip


def test_a_free_plan_is_active_at_once(api: Api) -> None:
    feature(api, "projects")
    allowance = {"amount": "100", "rollover": {"mode": "up_to", "limit": "50", "periods": 2}}
    to = plan(api, features={"projects": 3}, allowances=[allowance], key="free", name="Free")
    account = api.account()
    made = api.post("/v2/subscriptions", {"account": account, "plan": to, "metadata": {"seat": 7}})
    assert made.status_code == 201
    shown = made.json()
    assert set(shown) == FIELDS | {"change", "invoice"}
    assert shown["id"].startswith("sub_")
    assert (shown["account"], shown["status"], shown["invoice"]) == (account, "active", None)
    assert shown["plan"] == {"id": to, "key": "free", "name": "Free", "version": 1}
    assert (shown["interval"], shown["currency"], shown["billing"]) == ("monthly", "USD", "anniversary")
    assert shown["features"] == {"projects": 3}
    assert shown["allowances"] == [{
        "credit_type": "credits", "amount": "100", "reset": "monthly", "priority": 10,
        "rollover": {"mode": "up_to", "limit": "50", "periods": 2},
    }]  # fmt: skip
    assert (shown["metadata"], shown["overrides"], shown["scheduled_change"]) == ({"seat": 7}, {}, None)
    assert shown["current_period_start"] < shown["current_period_end"]
    found = read(api, shown["id"])
    assert set(found) == FIELDS
    assert found == {name: shown[name] for name in FIELDS}
    assert api.wallet(account)["available"] == "100"
    assert kinds(api, shown["id"])[0] == "created"


def test_one_that_is_to_be_paid(api: Api) -> None:
    made = subscribe(api, plan(api, "29.00"))
    assert made["status"] == "incomplete"
    assert made["base_amount"] == {"amount": 2900, "currency": "USD"}
    invoice = made["invoice"]
    assert (invoice["status"], invoice["subscription"], invoice["total"]) == (
        "open", made["id"], {"amount": 2900, "currency": "USD"}
    )  # fmt: skip
    assert invoice["number"]
    now = paid(api, made)
    assert now["status"] == "active"
    assert now["current_period_end"] == made["current_period_end"]


def test_a_plans_key_an_accounts_own_id_and_a_version(api: Api) -> None:
    account = api.account(external_id="versions")
    to = plan(api, key="by-key", trial_days=7)
    api.send("PATCH", f"/v2/plans/{to}", {"trial_days": 3})
    made = subscribe(api, "by-key", "ext:versions", version=1)
    assert (made["account"], made["plan"]["id"], made["plan"]["version"]) == (account, to, 1)
    assert made["trial_days"] == 7
    refused = api.post("/v2/subscriptions", {"account": api.account(), "plan": to, "version": 9})
    problem(refused, 404, "not_found")


def test_a_trial_comes_once(api: Api) -> None:
    to, account = plan(api, "10.00", trial_days=14), api.account()
    made = subscribe(api, to, account)
    assert (made["status"], made["invoice"]) == ("trialing", None)
    assert made["trial_end"] == made["current_period_end"]
    api.post(f"/v2/subscriptions/{made['id']}/cancel", {"at_period_end": False})
    again = subscribe(api, to, account)
    assert (again["status"], again["trial_end"]) == ("incomplete", None)
    assert subscribe(api, to, trial=False)["status"] == "incomplete"


def test_a_start_and_calendar_billing(api: Api) -> None:
    to = plan(api, "10.00")
    later = subscribe(api, to, start=f"{LATER}-01-31T10:00:00Z")
    assert (later["status"], later["invoice"], later["anchor"]) == (
        "incomplete",
        None,
        f"{LATER}-01-31T10:00:00Z",
    )
    assert later["current_period_end"] == f"{LATER}-02-{monthrange(LATER, 2)[1]}T10:00:00Z"
    past = subscribe(api, to, start="2024-01-31T10:00:00Z")
    assert past["anchor"] == "2024-01-31T10:00:00Z"
    aligned = subscribe(api, to, billing="calendar")
    assert aligned["billing"] == "calendar"
    assert aligned["current_period_end"][8:] == "01T00:00:00Z"
    assert aligned["invoice"]["total"]["amount"] <= 1000


def test_overrides(api: Api) -> None:
    feature(api, "projects")
    usage = {"key": "calls", "kind": "graduated", "meter": "calls",
             "tiers": [{"up_to": "1000", "unit_price": "0.5"}, {"unit_price": "0.2"}]}  # fmt: skip
    flat = {"key": "base", "kind": "flat", "amount": "29.00"}
    to = plan(api, components=[flat, usage], features={"projects": 3}, allowances=[{"amount": "10"}])
    overrides = {
        "components": {
            "base": {"amount": "19.00"},
            "calls": {"tiers": [{"unit_price": "0.25"}], "free_units": 10},
        },
        "allowances": {"credits": {"amount": "12.5"}},
        "features": {"projects": None},
        "trial_days": 0,
    }
    made = subscribe(api, to, overrides=overrides)
    base, calls = made["components"]
    assert base["amount"] == 1900
    assert (calls["tiers"], calls["free_units"]) == ([{"up_to": None, "unit_price": "0.25", "flat": 0}], "10")
    assert made["allowances"][0]["amount"] == "12.5"
    assert made["features"] == {"projects": None}
    assert made["invoice"]["total"]["amount"] == 1900
    said = made["overrides"]
    assert said["components"]["base"] == {"amount": 1900}
    assert said["components"]["calls"]["free_units"] == "10"
    assert said["allowances"] == {"credits": {"amount": "12.5"}}
    # what is shown may be said again
    again = subscribe(api, to, overrides=said)
    assert (again["components"], again["overrides"]) == (made["components"], said)


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"components": {"gold": {"amount": 1}}}, "overrides.components.gold"),
        ({"components": {"base": {"amount": "1.001"}}}, "overrides.components.base.amount"),
        ({"components": {"base": {"unit_price": 1}}}, "overrides.components.base.unit_price"),
        ({"components": {"base": {"kind": "flat"}}}, "overrides.components.base.kind"),
        ({"allowances": {"gold": {"amount": 1}}}, None),
        ({"allowances": {"credits": {"amount": 0}}}, "overrides.allowances.credits.amount"),
        ({"features": {"gold": 1}}, None),
        ({"features": {"projects": -1}}, "overrides.features.projects"),
        ({"trial_days": 731}, "overrides.trial_days"),
        ({"colour": 1}, "overrides.colour"),
        ([], "overrides"),
        ({"features": {"a\0b": 1}}, None),
    ],
)
def test_overrides_that_are_wrong(api: Api, overrides: Any, field: str | None) -> None:
    body = {"account": api.account(), "plan": plan(api, "10.00"), "overrides": overrides}
    refused = problem(api.post("/v2/subscriptions", body), 422, "invalid_request")
    if field is not None:
        assert fields_of(refused) == [field]


def test_the_list(api: Api) -> None:
    to, account = plan(api), api.account()
    first = subscribe(api, to, account)
    api.post(f"/v2/subscriptions/{first['id']}/cancel", {"at_period_end": False})
    second = subscribe(api, to, account)
    third = subscribe(api, to)
    assert [row["id"] for row in api.get("/v2/subscriptions", account=account).json()["data"]] == [
        second["id"], first["id"]
    ]  # fmt: skip
    both = api.get("/v2/subscriptions", plan=to, status="active").json()["data"]
    assert [row["id"] for row in both] == [third["id"], second["id"]]
    assert set(both[0]) == FIELDS
    seen, cursor = [], None
    while True:
        query = {"plan": to, "limit": 1} | ({"cursor": cursor} if cursor else {})
        page = api.get("/v2/subscriptions", **query).json()
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [third["id"], second["id"], first["id"]]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"status": "x"}, "status"), ({"limit": 0}, "limit"), ({"cursor": "x"}, "cursor"), ({"colour": 1}, "colour"),
    ]  # fmt: skip
    for said, field in wrong:
        assert fields_of(problem(api.get("/v2/subscriptions", **said), 422, "invalid_request")) == [field]
    for name, unknown in (("account", "ext:none"), ("plan", "none"), ("plan", "plan_" + "0" * 26)):
        problem(api.get("/v2/subscriptions", **{name: unknown}), 404, "not_found")


def test_patch(api: Api) -> None:
    feature(api, "projects")
    made = subscribe(api, plan(api, features={"projects": 3}), metadata={"a": 1})
    path = f"/v2/subscriptions/{made['id']}"
    changed = api.send("PATCH", path, {"metadata": {"b": 2}})
    assert changed.status_code == 200
    assert changed.json()["metadata"] == {"b": 2}
    more = api.send("PATCH", path, {"overrides": {"features": {"projects": 9}}}).json()
    assert (more["features"], more["change"], more["metadata"]) == ({"projects": 9}, "applied", {"b": 2})
    assert more["overrides"] == {"features": {"projects": 9}}
    assert "updated" in kinds(api, made["id"])
    back = api.send("PATCH", path, {"overrides": {}, "metadata": {}}).json()
    assert (back["features"], back["overrides"], back["metadata"]) == ({"projects": 3}, {}, {})
    assert api.send("PATCH", path, {}).json()["features"] == {"projects": 3}
    for body, field in (
        ({"metadata": None}, "metadata"), ({"metadata": []}, "metadata"), ({"plan": "x"}, "plan"),
        ({"overrides": None}, "overrides"), ({"metadata": {"a": "\0"}}, "metadata"),
    ):  # fmt: skip
        assert fields_of(problem(api.send("PATCH", path, body), 422, "invalid_request")) == [field]


def test_a_patch_that_costs_more_applies_now_and_less_later(api: Api) -> None:
    made = subscribe(api, plan(api, "10.00"))
    paid(api, made)
    path = f"/v2/subscriptions/{made['id']}"
    more = api.send("PATCH", path, {"overrides": {"components": {"base": {"amount": "20.00"}}}}).json()
    assert (more["change"], more["components"][0]["amount"]) == ("applied", 2000)
    assert more["invoice"]["reason"] == "change"
    less = api.send("PATCH", path, {"overrides": {"components": {"base": {"amount": "5.00"}}}}).json()
    assert (less["change"], less["components"][0]["amount"], less["invoice"]) == ("scheduled", 2000, None)
    assert less["scheduled_change"]["plan"]["id"] == made["plan"]["id"]


def test_change(api: Api) -> None:
    low, mid, high = (plan(api, price, rank=rank) for rank, price in enumerate(("10.00", "20.00", "40.00")))
    made = subscribe(api, mid)
    path = f"/v2/subscriptions/{made['id']}"
    paid(api, made)
    seen = api.post(f"{path}/change/preview", {"plan": high})
    assert seen.status_code == 200
    assert seen.json()["applies"] == "now"
    assert seen.json()["invoice"]["number"] is None
    assert kinds(api, made["id"])[-1] == "activated"
    up = api.post(f"{path}/change", {"plan": high})
    assert up.status_code == 200
    assert (up.json()["change"], up.json()["plan"]["id"]) == ("applied", high)
    assert up.json()["invoice"]["total"]["amount"] == pytest.approx(2000, abs=5)
    assert up.json()["current_period_end"] == made["current_period_end"]
    later = api.post(f"{path}/change/preview", {"plan": low}).json()
    assert (later["applies"], later["invoice"]) == ("period_end", None)
    assert later["effective_at"] == made["current_period_end"]
    down = api.post(f"{path}/change", {"plan": low}).json()
    assert (down["change"], down["plan"]["id"], down["invoice"]) == ("scheduled", high, None)
    assert down["scheduled_change"]["plan"]["id"] == low
    assert down["scheduled_change"]["effective_at"] == made["current_period_end"]
    coming = api.get(f"{path}/upcoming-invoice")
    assert coming.status_code == 200
    assert (coming.json()["total"]["amount"], coming.json()["number"]) == (1000, None)
    revoked = api.send("DELETE", f"{path}/change")
    assert revoked.status_code == 200
    assert revoked.json()["scheduled_change"] is None
    problem(api.send("DELETE", f"{path}/change"), 409, "nothing_scheduled")
    assert api.get(f"{path}/upcoming-invoice").json()["total"]["amount"] == 4000
    problem(api.post(f"{path}/change", {"plan": high}), 409, "same_plan")
    once = plan(api, "10.00", interval="one_time")
    problem(api.post(f"{path}/change", {"plan": once}), 409, "not_recurring")
    euro = plan(api, "50.00", currency="EUR")
    problem(api.post(f"{path}/change", {"plan": euro}), 409, "currency_mismatch")
    problem(api.post(f"{path}/change", {"plan": "nothing"}), 404, "not_found")


def test_cancel(api: Api) -> None:
    made = subscribe(api, plan(api))
    path = f"/v2/subscriptions/{made['id']}"
    problem(api.send("DELETE", f"{path}/cancel"), 409, "nothing_scheduled")
    later = api.post(f"{path}/cancel", {"reason": "too dear"})
    assert later.status_code == 200
    shown = later.json()
    assert (shown["status"], shown["cancel_at_period_end"], shown["cancel_reason"], shown["change"]) == (
        "active", True, "too dear", "scheduled"
    )  # fmt: skip
    revoked = api.send("DELETE", f"{path}/cancel").json()
    assert (revoked["cancel_at_period_end"], revoked["cancel_reason"]) == (False, None)
    now = api.post(f"{path}/cancel", {"at_period_end": False}).json()
    assert (now["status"], now["change"]) == ("cancelled", "applied")
    assert now["cancelled_at"]
    problem(api.post(f"{path}/cancel"), 409, "subscription_ended")
    problem(api.post(f"{path}/resume"), 409, "subscription_ended")
    problem(api.get(f"{path}/upcoming-invoice"), 404, "not_found")
    without = subscribe(api, plan(api))
    assert api.post(f"/v2/subscriptions/{without['id']}/cancel").json()["cancel_at_period_end"] is True


def test_pause_and_resume(api: Api) -> None:
    made = subscribe(api, plan(api))
    path = f"/v2/subscriptions/{made['id']}"
    problem(api.post(f"{path}/resume"), 409, "subscription_state")
    paused = api.post(f"{path}/pause", {"resume_at": f"{LATER}-01-01T00:00:00Z"})
    assert paused.status_code == 200
    assert (paused.json()["status"], paused.json()["resume_at"]) == ("paused", f"{LATER}-01-01T00:00:00Z")
    problem(api.post(f"{path}/pause"), 409, "subscription_state")
    resumed = api.post(f"{path}/resume", {})
    assert resumed.status_code == 200
    assert (resumed.json()["status"], resumed.json()["paused_at"]) == ("active", None)
    assert resumed.json()["current_period_end"] == made["current_period_end"]
    assert api.post(f"{path}/pause").json()["resume_at"] is None
    assert kinds(api, made["id"])[-3:] == ["paused", "resumed", "paused"]


def test_changes_and_allowances(api: Api) -> None:
    calls = {"code": "calls", "name": "Calls"}
    assert api.send("PUT", "/v2/credit-types", calls).status_code == 200
    allowances = [
        {"amount": "100"}, {"amount": "7.5", "credit_type": "calls", "reset": "never"}
    ]  # fmt: skip
    made = subscribe(api, plan(api, allowances=allowances))
    path = f"/v2/subscriptions/{made['id']}"
    page = api.get(f"{path}/changes", limit=1).json()
    assert page["next_cursor"]
    [row] = page["data"]
    assert set(row) == {"seq", "at", "kind", "actor", "details"}
    assert row["actor"].startswith("key_")
    older = api.get(f"{path}/changes", cursor=page["next_cursor"]).json()
    assert older["data"][-1]["kind"] == "created"
    assert [one["seq"] for one in older["data"]] == list(range(row["seq"] - 1, 0, -1))
    periods = api.get(f"{path}/allowances").json()
    assert periods["next_cursor"] is None
    assert {(one["credit_type"], one["amount"], one["granted"], one["reset"], one["current"])
            for one in periods["data"]} == {
        ("credits", "100", "100", "monthly", True), ("calls", "7.5", "7.5", "never", True)
    }  # fmt: skip
    assert {one["period_end"] for one in periods["data"]} == {made["current_period_end"], None}
    assert len(api.get(f"{path}/allowances", limit=1).json()["data"]) == 1


def test_the_same_key_has_one_effect(api: Api) -> None:
    body = {"account": api.account(), "plan": plan(api)}
    first, again = (api.post("/v2/subscriptions", body, key="subscribe") for _ in range(2))
    assert (first.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    problem(
        api.post("/v2/subscriptions", body | {"trial": False}, key="subscribe"), 422, "idempotency_key_reused"
    )
    path = f"/v2/subscriptions/{first.json()['id']}"
    ends = [api.post(f"{path}/cancel", {"at_period_end": False}, key="end") for _ in range(2)]
    assert ends[0].status_code == 200
    assert ends[0].content == ends[1].content
    assert kinds(api, first.json()["id"]).count("cancelled") == 1


def test_a_second_subscription(api: Api) -> None:
    to = plan(api)
    made = subscribe(api, to)
    again = api.post("/v2/subscriptions", {"account": made["account"], "plan": to})
    problem(again, 409, "already_subscribed")
    once = subscribe(api, plan(api, "99.00", interval="one_time"), made["account"])
    assert once["current_period_end"] is None
    archived = plan(api)
    api.send("PATCH", f"/v2/plans/{archived}", {"status": "archived"})
    problem(api.post("/v2/subscriptions", {"account": api.account(), "plan": archived}), 409, "plan_archived")
    blocked = api.account()
    api.send("PATCH", f"/v2/accounts/{blocked}", {"status": "blocked"})
    problem(api.post("/v2/subscriptions", {"account": blocked, "plan": to}), 409, "account_blocked")


def test_a_life_on_the_clock(test_mode: Api) -> None:
    """Trial, first invoice, grace, past due, payment, pause, resume by itself, and the end."""
    api = test_mode
    feature(api, "projects")
    to = plan(api, "10.00", trial_days=7, features={"projects": 3}, allowances=[{"amount": "100"}])
    made = subscribe(api, to)
    account, path = made["account"], f"/v2/subscriptions/{made['id']}"
    projects = f"/v2/accounts/{account}/entitlements/projects"

    def after(by: str) -> dict[str, Any]:
        moved = api.post("/v2/test-clock/advance", {"by": by})
        assert moved.status_code == 200, moved.text
        return read(api, made["id"])

    assert (made["status"], api.get(projects).json()["reason"]) == ("trialing", "ok")
    began = after("P7DT1H")
    assert (began["status"], began["current_period_start"]) == ("active", made["trial_end"])
    late = after("P2D")
    assert late["status"] == "past_due"
    assert late["past_due_since"]
    assert api.get(projects).json()["allowed"]
    assert api.wallet(account)["available"] == "0"
    [invoice] = api.get("/v2/invoices", subscription=made["id"], status="open").json()["data"]
    assert api.post(f"/v2/invoices/{invoice['id']}/pay", {}).status_code == 200
    restored = read(api, made["id"])
    assert (restored["status"], restored["past_due_since"], restored["grace_until"]) == ("active", None, None)
    assert api.wallet(account)["available"] == "100"
    resume_at = api.get("/v2/test-clock").json()["now"][:10] + "T23:59:59Z"
    assert api.post(f"{path}/pause", {"resume_at": resume_at}).json()["status"] == "paused"
    assert api.get(projects).json()["reason"] == "paused"
    assert after("P1D")["status"] == "active"
    api.post(f"{path}/cancel")
    ended = after("P40D")
    assert (ended["status"], ended["ended_at"]) == ("ended", restored["current_period_end"])
    assert api.get(projects).json()["reason"] == "no_subscription"
    assert {"trial_ended", "past_due", "paused", "resumed", "cancel_scheduled", "ended"} <= set(
        kinds(api, made["id"])
    )
