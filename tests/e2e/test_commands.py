"""What an operator does beside the server, while it runs and when it does not."""

import json
import math
import os
import shlex
import signal
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, LiteralString

import httpx2
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from .readme import paste, readme_block
from .running import REPOSITORY, TALLYSTICK, Home, Serving, within

PASSWORD = "correct horse battery"
FEW: Final = "24"


def works(serving: Serving, credential: str, path: str = "/v2/accounts") -> int:
    with serving.client(credential) as client:
        return client.get(path).status_code


def check_key(serving: Serving, key: str, scope: str) -> None:
    """A key does what its scope says."""
    with serving.client(key) as client:
        assert client.get("/v2/accounts").status_code == 200
        assert client.post("/v2/accounts", json={}).status_code == (403 if scope == "read" else 201)
        assert client.get("/v2/api-keys").status_code == (200 if scope == "admin" else 403)


def check_user(serving: Serving, email: str, token: str, mode: str) -> None:
    """A member's token and password open their account."""
    with serving.client(token) as client:
        credits = client.get("/auth/account/credits")
        assert credits.status_code == 200, credits.text
        signed = client.post("/v2/auth/login", json={"email": email, "password": PASSWORD, "mode": mode})
        assert signed.status_code == 200, signed.text
        assert works(serving, signed.json()["access"], "/auth/account/credits") == 200
        wrong = client.post("/v2/auth/login", json={"email": email, "password": "wrong", "mode": mode})
        assert wrong.status_code == 401


def make_account(serving: Serving, key: str, external_id: str) -> str:
    with serving.client(key) as client:
        made = client.post("/v2/accounts", json={"external_id": external_id})
        assert made.status_code == 201, made.text
        granted = client.post("/v2/grants", json={"account": made.json()["id"], "amount": 10})
        assert granted.status_code == 201
        return str(made.json()["id"])


def check_demo(made: dict[str, Any], serving: Serving) -> None:
    assert made.keys() >= {
        "test_key", "access_token", "refresh_token", "email", "password", "account_id", "account_number",
        "account_uuid",
    }  # fmt: skip
    assert works(serving, made["access_token"], "/auth/account/credits") == 200
    assert works(serving, made["access_token"], "/auth/account/ledger") == 200
    with serving.client(made["test_key"]) as client:
        account = client.get(f"/v2/accounts/{made['account_id']}").json()
        assert account["external_id"] == "demo-1"
        for word in ("entries", "grants", "holds", "usage", "entitlements"):
            assert client.get(f"/v2/accounts/{made['account_id']}/{word}").json()["data"], word
        of = {"account": made["account_id"], "limit": 100}
        invoices = client.get("/v2/invoices", params=of).json()["data"]
        states = {invoice["status"] for invoice in invoices}
        assert states == {"draft", "open", "paid", "void", "uncollectible"}
        for list in ("credit-notes", "payments", "refunds", "disputes", "checkouts"):
            assert client.get(f"/v2/{list}", params=of).json()["data"], list
        held = client.get("/v2/subscriptions", params=of).json()["data"]
        assert {one["status"] for one in held} == {"active"}
        login = {"email": made["email"], "password": made["password"], "mode": "test"}
        assert client.post("/v2/auth/login", json=login).status_code == 200
        refreshed = client.post("/v2/auth/refresh", json={"refresh": made["refresh_token"]})
        assert refreshed.status_code == 200
    check_workspace(made, serving)


def check_workspace(made: dict[str, Any], serving: Serving) -> None:
    """What AppVector's contract tells of the demo's first customer."""
    said = made["appvector"]
    with serving.client(said["access_token"]) as client:

        def told(path: str, *names: str) -> Any:
            answer = client.get(f"/api/billing/{path}", params={"workspace_id": said["workspace_id"]})
            assert answer.status_code == 200, answer.text
            found = answer.json()
            for name in names:
                found = found[name]
            return found

        assert told("subscription/", "subscription", "plan", "tier") == "PROFESSIONAL"
        credits = {one["credit_type"]: one for one in told("credits/", "balances")}
        assert (credits["API_CALL"]["allocated_credits"], credits["API_CALL"]["bonus_credits"]) == (5000, 500)
        assert credits["API_CALL"]["consumed_credits"] >= 1234
        assert credits["DATA_SCRAPE"]["purchased_credits"] == 500
        assert told("usage/", "usage", "projects") == {"current": 5, "limit": 10, "percentage": 50.0}
        assert told("limits/", "limits", "historical_data_days") == 90
        assert told(f"invoices/{said['invoice_id']}/", "invoice", "status") == "PAID"
        plans = client.get("/api/billing/plans/", headers={"X-App": f"{made['app_id']}:test"}).json()["plans"]
        assert [one["tier"] for one in plans] == ["STARTER", "PROFESSIONAL", "ENTERPRISE"]
        assert said["plan_id"] == plans[-1]["id"]
        assert (plans[1]["monthly_price"], plans[1]["yearly_price"]) == ("149.00", "1490.00")
        assert plans[1]["features"] == ["90-day history", "Priority support", "Advanced analytics"]


def fill(home: Home) -> dict[str, Any]:
    """What `demo` says of a few customers: a year takes its time where others work too."""
    said = home.run("demo", "--customers", FEW, "--json", timeout=240).stdout
    made: dict[str, Any] = json.loads(said)
    return made


def in_readme(serving: Serving) -> dict[str, Any]:
    """What `demo` says when the README's lines about the five contracts run as printed, which all work."""
    home = serving.home
    lines = readme_block("Five contracts").replace("http://127.0.0.1:8000", serving.address)
    assert ".venv/bin/tallystick demo --json" in lines
    lines = lines.replace(".venv/bin/tallystick demo", shlex.join([TALLYSTICK, "demo", *home.place]))
    answers = paste(lines, home.data.parent, home.environment, seconds=240)
    said = [json.loads(line) for line in answers]
    made: dict[str, Any] = json.loads((home.data.parent / "demo.json").read_text())
    check_contracts(made, said)
    return made


def check_contracts(made: dict[str, Any], said: list[Any]) -> None:
    """Each answered, and of the same account."""
    igny8, practice, credibill, account, appvector = said
    assert igny8["success"] is True
    credits = igny8["data"]["credits_remaining"]
    assert {"SMS_USAGE", "PURCHASE"} <= {one["type"] for one in practice["transactions"]}
    assert (credibill["success"], credibill["duplicate"]) == (True, False)
    assert math.floor(account["credit_balance"]["available"]) == credits
    assert account["subscription"]["id"] == made["credibill"]["subscriptionId"]
    assert account["user_id"] == made["account"]["user_id"] == made["appvector"]["user_id"]
    assert (appvector["success"], appvector["consumed"], appvector["feature"]["key"]) == (
        True,
        1,
        "api_calls",
    )
    assert {"native", "igny8", "practice", "credibill", "account", "appvector"} <= made.keys()


def test_init_prints_secrets_once(fresh: Home) -> None:
    made = fresh.json("init", "--json")
    assert made.keys() == {"app_id", "live_key", "test_key", "owner_email", "owner_password"}
    assert (made["live_key"][:8], made["test_key"][:8]) == ("cb_live_", "cb_test_")
    again = fresh.json("init", "--json")
    assert again == {"app_id": made["app_id"], "owner_email": made["owner_email"], "exists": True}
    assert fresh.family() == [], "the database was up for the command's own time"
    words = fresh.run("init").stdout
    assert words == f"exists: app {made['app_id']}, owner {made['owner_email']}\n"


def test_keys_while_it_runs(served: Serving) -> None:
    home = served.home
    for mode, scope in (("test", "read"), ("live", "write"), ("test", "admin")):
        printed = home.run("keys", "create", "--mode", mode, "--scope", scope, "--name", f"{mode} {scope}")
        key = printed.stdout.strip()
        assert printed.stdout == key + "\n", "the key alone"
        assert key.startswith(f"cb_{mode}_")
        check_key(served, key, scope)
    listed = home.run("keys", "list").stdout
    assert "cb_" not in listed
    row = next(line for line in listed.splitlines() if "live write" in line)
    assert row.split("  ")[1:3] == ["live", "write"]
    assert row.split("  ")[5] == "active"


def test_a_revoked_key_stops_within_a_second(served: Serving) -> None:
    home = served.home
    name = f"doomed {time.time()}"
    key = home.run("keys", "create", "--mode", "test", "--scope", "write", "--name", name).stdout.strip()
    id = next(line.split()[0] for line in home.run("keys", "list").stdout.splitlines() if name in line)
    with served.client(key) as client:
        assert client.get("/v2/accounts").status_code == 200
        assert home.run("keys", "revoke", id).stdout == f"revoked {id}\n"
        assert within(1.2, lambda: client.get("/v2/accounts").status_code == 401)
        # the hot path reads the same
        assert client.post("/v2/debits", json={"account": "ext:nobody", "amount": 1}).status_code == 401
    home.run("keys", "revoke", "key_01m7y3pcs0fz6sah8sbbhdaw62", status=1)
    assert "No such API key" in home.run("keys", "revoke", "nonsense", status=1).stderr


@pytest.mark.parametrize("mode", ["live", "test"])
def test_users_while_it_runs(served: Serving, mode: str) -> None:
    home, email = served.home, f"ann@{mode}.example"
    account = make_account(served, home.made[f"{mode}_key"], f"with-user-{mode}")
    named = account if mode == "live" else f"test:ext:with-user-{mode}"
    home.run("users", "create", "--email", email, "--password", PASSWORD, "--account", named)
    token = home.run("token", "--email", email, "--mode", mode).stdout.strip()
    check_user(served, email, token, mode)


def test_users_that_cannot_be_made(served: Serving) -> None:
    def create(email: str, *more: str) -> str:
        return served.home.run("users", "create", "--email", email, *more, status=1).stderr

    assert "exists" in create("owner@tallystick.local", "--password", PASSWORD)
    assert "password" in create("x@x.example", "--password", "short")
    assert "No such account" in create("x@x.example", "--password", PASSWORD, "--account", "ext:nobody")
    assert "No such user" in served.home.run("token", "--email", "x@x.example", status=1).stderr


def test_a_staff_token_reads_every_account(served: Serving) -> None:
    home = served.home
    account = make_account(served, home.made["live_key"], "seen-by-staff")
    home.run("users", "create", "--email", "staff@us.example", "--password", PASSWORD, "--staff")
    token = home.run("token", "--email", "staff@us.example").stdout.strip()
    assert works(served, token, f"/v2/accounts/{account}/balance") == 200


def test_demo_twice_while_it_runs(served: Serving) -> None:
    first = fill(served.home)
    check_demo(first, served)
    before = counts(served.home)
    second = in_readme(served)
    check_demo(second, served)
    # of which the README's own lines made one each
    again = {name: before[name] + 1 for name in ("usage_event", "entry where actor <> 'system'")}
    assert counts(served.home) == before | again
    assert second["account_id"] == first["account_id"]
    assert "from 24 to" in served.home.run("demo", "--customers", "23", status=1).stderr
    assert works(served, first["test_key"]) == 200
    check_year(served.home)
    assert served.home.json("verify", "--json")["ok"]


def check_year(home: Home) -> None:
    """There is some of everything in it."""
    with psycopg.connect(home.database_url()) as conn:

        def found(query: LiteralString) -> set[str]:
            return {row[0] for row in conn.execute(query).fetchall()}

        assert found("select status from subscription") == {
            "incomplete", "trialing", "active", "past_due", "paused", "cancelled", "ended",
        }  # fmt: skip
        assert found("select status from invoice") == {"draft", "open", "paid", "void", "uncollectible"}
        assert found("select reason from invoice") == {
            "create", "cycle", "change", "cancel", "manual", "purchase",
        }  # fmt: skip
        assert found("select kind from invoice_line") >= {
            "plan",
            "usage",
            "one_time",
            "proration",
            "correction",
        }
        assert found("select state from hold") == {"active", "captured", "released"}
        kinds = found("select c->>'kind' from plan_version, json_array_elements(terms->'components') c")
        assert kinds == {"flat", "per_unit", "graduated", "volume", "package", "stairstep", "percentage"}


def check_money(serving: Serving) -> None:
    """Payments of every end, collection, automatic purchases and webhooks, as the API tells of them."""
    with serving.client(serving.key) as client:

        def listed(path: str, **params: str) -> list[dict[str, Any]]:
            answer = client.get(f"/v2/{path}", params={"limit": "100", **params})
            assert answer.status_code == 200, answer.text
            found: list[dict[str, Any]] = answer.json()["data"]
            return found

        def of(path: str, field: str, **params: str) -> set[Any]:
            return {one[field] for one in listed(path, **params)}

        payments = listed("payments")
        assert {"succeeded", "failed", "pending"} <= {one["status"] for one in payments}
        assert {"checkout", "dunning", "reload"} <= {one["cause"] for one in payments}
        tries = Counter(
            one["invoice"] for one in listed("payments", account="ext:demo-lost", status="failed")
        )
        assert max(tries.values()) == 5
        assert of("refunds", "status") == {"succeeded", "failed"}
        assert of("disputes", "status") == {"open", "won", "lost"}
        assert of("subscriptions", "status", account="ext:demo-charged") == {"active"}
        assert of("subscriptions", "status", account="ext:demo-mended") == {"active"}
        assert of("subscriptions", "status", account="ext:demo-lost") == {"past_due"}
        assert of("invoices", "status", account="ext:demo-retried") == {"paid", "open"}
        states = {
            name: listed(f"accounts/ext:{name}/auto-reload")[0]["state"]
            for name in ("demo-charged", "demo-stopped")
        }
        assert states == {"demo-charged": "ready", "demo-stopped": "stopped"}
        assert listed("events", type="credits.low_balance")
        tried = listed("webhook-deliveries")
        assert len(listed("webhook-endpoints")) == 2
        assert {one["status"] for one in tried} == {"succeeded", "failed", "pending"}
        assert any(one["status"] == "succeeded" and one["attempts"] > 1 for one in tried)
        wanted = {"low_balance", "payment_failed", "invoice_reminder", "reload_failed"}
        assert within(30, lambda: wanted <= of("emails", "kind", status="sent")), of("emails", "kind")


MADE: Final = (
    "account", "entry where actor <> 'system'", "hold", "app_user", "membership", "rate_card", "plan", "feature",
    "package", "subscription", "subscription_change where by <> 'system'", "credit_note", "usage_event",
    "invoice where reason in ('create', 'change', 'manual', 'purchase')", "checkout", "refund", "dispute",
    "auto_reload", "balance_alert", "webhook_endpoint",
)  # fmt: skip
"""Rows that somebody made. Others come by themselves as the test clock ticks."""


def counts(home: Home) -> dict[str, int]:
    with psycopg.connect(home.database_url()) as conn:
        found = {}
        for rows in MADE:
            counted = conn.execute(f"select count(*) from {rows}".encode()).fetchone()
            assert counted is not None
            found[rows] = counted[0]
        return found


def test_verify_names_the_row_that_lies(home: Home) -> None:
    serving = home.serve()
    liar = make_account(serving, serving.key, "liar")
    make_account(serving, serving.key, "honest")
    report = home.json("verify", "--json")
    assert report.keys() == {"ok", "checked", "faults"}
    assert (report["ok"], report["faults"], report["checked"]["entries"]) == (True, [], 2)
    with psycopg.connect(home.database_url(), autocommit=True) as conn:
        conn.execute("set session_replication_role = replica")  # or a trigger would refuse
        conn.execute(
            "update wallet set posted = posted + 1 where account_id = (select min(account_id) from wallet)"
        )
    report = home.json("verify", "--json", status=1)
    assert not report["ok"]
    assert {fault["account"] for fault in report["faults"] if fault["account"]} == {liar}
    assert any("wallet" in fault["row"] for fault in report["faults"]), report["faults"]
    said = home.run("verify", status=1).stdout
    assert "NOT OK" in said
    assert liar in said
    home.json("verify", "--json", "--account", liar, status=1)
    home.json("verify", "--json", "--account", "test:ext:honest")
    assert "No such account" in home.run("verify", "--account", "ext:nobody", status=1).stderr
    serving.stop()
    home.json("verify", "--json", status=1)


def test_the_same_without_a_server(home: Home) -> None:
    assert home.run("migrate").stdout == "nothing to do\n"
    key = home.run("keys", "create", "--mode", "test", "--scope", "write").stdout.strip()
    demo = fill(home)
    assert home.json("verify", "--json")["ok"]
    home.run("users", "create", "--email", "ann@acme.example", "--password", PASSWORD, "--account",
             demo["account_id"])  # fmt: skip
    token = home.run("token", "--email", "ann@acme.example", "--mode", "test").stdout.strip()
    assert home.family() == []
    serving = home.serve()
    check_key(serving, key, "write")
    check_demo(demo, serving)
    check_money(serving)  # here, where no worker sent webhooks to addresses that only the demo plays
    check_user(serving, "ann@acme.example", token, "test")


def test_two_commands_at_once_on_a_fresh_folder(fresh: Home) -> None:
    """None meets half of what another makes."""
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: fresh.json("init", "--json"), range(3)))
    assert len({made["app_id"] for made in both}) == 1
    assert sum("exists" in made for made in both) == 2


def test_migrate_makes_a_fresh_database(fresh: Home) -> None:
    applied = fresh.run("migrate").stdout.split()
    assert applied[0] == "0001_foundation.sql"
    assert fresh.run("migrate").stdout == "nothing to do\n"
    with_no_app = fresh.run("keys", "create", "--mode", "test", "--scope", "read", status=1)
    assert "tallystick init" in with_no_app.stderr


def test_a_worker_by_itself(served: Serving) -> None:
    """Beside the server, on the same database; it ends when told to."""
    worker = subprocess.Popen(
        [TALLYSTICK, "worker", *served.home.place], env=served.home.environment, stderr=subprocess.PIPE
    )
    try:
        time.sleep(3)
        assert worker.poll() is None
        os.kill(worker.pid, signal.SIGINT)
        assert worker.wait(15) == 0
    finally:
        worker.kill()
        _, said = worker.communicate()
    assert b"Traceback" not in said
    assert httpx2.get(served.address + "/readyz").status_code == 200


def test_routes(home: Home) -> None:
    """Each line says METHOD path file:line, and needs no database."""
    lines = home.run("routes", "nowhere", place=False, status=1).stdout.split()
    assert lines == []
    [line] = [
        line
        for line in home.run("routes", "debits", place=False).stdout.splitlines()
        if line.split()[:2] == ["POST", "/v2/debits"]
    ]
    file, _, number = line.split()[2].rpartition(":")
    text = (REPOSITORY / file).read_text().splitlines()
    assert "def create_debit" in text[int(number) - 1]
    paths = [line.split()[1] for line in home.run("routes", place=False).stdout.splitlines()]
    assert {"/v2/accounts", "/v2/holds", "/auth/account/credits", "/readyz"} <= set(paths)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "Connection refused"),
        ("{server}", 'database "none" does not exist'),
        ("nonsense", 'missing "=" after "nonsense"'),
    ],
)
def test_a_database_that_cannot_be_used(fresh: Home, server_url: str, url: str, words: str) -> None:
    fresh.url = make_conninfo(server_url, dbname="none") if url == "{server}" else url
    for command in (["migrate"], ["serve", "--port", "0"]):
        said = fresh.run(*command, status=1).stderr
        assert said.startswith("tallystick: the database cannot be used: "), said
        assert words in said
        assert len(said) < 500
