"""What a newcomer does: start it, paste what it prints, read the docs."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest
import yaml

from tests.doubles.stores import AppleDouble

from .readme import paste, readme_block
from .running import REPOSITORY, Home, Serving, within

SECRET = re.compile(r"cb_(?:live|test)_\w+|password")


def printed_steps(out: str) -> str:
    return out[out.index("export T=") :]


def readme_steps(serving: Serving) -> str:
    steps = readme_block("A first minute")
    assert "http://127.0.0.1:8000" in steps
    assert "cb_test_..." in steps
    return steps.replace("http://127.0.0.1:8000", serving.address).replace("cb_test_...", serving.key)


def test_a_first_start_prints_secrets_once_and_lines_that_work(fresh: Home) -> None:
    serving = fresh.serve()
    assert serving.address in serving.out
    assert serving.printed("owner") == "owner@tallystick.local"
    assert serving.printed("live key").startswith("cb_live_")
    assert len(re.findall(r"password\s+\S{16,}", serving.out)) == 1
    assert serving.out.count(serving.printed("live key")) == 1

    answers = [json.loads(line) for line in paste(printed_steps(serving.out), fresh.data.parent)]
    kinds = [one["id"].partition("_")[0] for one in answers[:-1]]
    assert kinds == ["acct", "grant", "debit", "hold"], answers
    [balance] = answers[-1]["balances"]
    assert (balance["posted"], balance["held"], balance["available"]) == ("85.5", "0", "85.5")

    password, key = serving.printed("password"), serving.printed("live key")
    assert serving.stop() == 0
    again = fresh.serve(port=serving.port)
    assert again.address in again.out
    assert not SECRET.search(again.out), again.out
    with again.client(key) as client:  # what was printed once stays good
        assert client.get("/v2/accounts").status_code == 200
        signed = client.post("/v2/auth/login", json={"email": "owner@tallystick.local", "password": password})
        assert signed.status_code == 200


def test_the_readme_is_true(home: Home) -> None:
    serving = home.serve()
    answers = [json.loads(line) for line in paste(readme_steps(serving), home.data.parent)]
    [balance] = answers[-1]["balances"]
    assert (balance["posted"], balance["held"]) == ("85.5", "0")


def test_the_readme_takes_money(home: Home) -> None:
    serving = home.serve()
    paste(readme_steps(serving) + readme_block("Take money"), home.data.parent)
    with serving.client(serving.key) as client:
        [paid] = client.get("/v2/payments", params={"account": "ext:acme"}).json()["data"]
        assert (paid["status"], paid["refunded"]) == ("succeeded", {"amount": 450, "currency": "USD"})
        [card] = client.get("/v2/accounts/ext:acme/payment-methods").json()["data"]
        assert card["last4"] == "4242"
        # 85.5 of the first minute, 500 bought, half of them taken back; then they run low
        spent = client.post("/v2/debits", json={"account": "ext:acme", "amount": "300"}).json()
        assert spent["available"] == "35.5"

        def available() -> str:
            [balance] = client.get("/v2/accounts/ext:acme/balance").json()["balances"]
            return str(balance["available"])

        assert within(30, lambda: available() == "535.5"), available()


def test_the_readme_sells_data(home: Home) -> None:
    with AppleDouble() as apple:
        apple.put(310633997, trackName="WhatsApp Messenger", averageUserRating=4.63)
        apple.finds("messaging", 310633997)
        home.environment["TALLYSTICK_APP_STORE_URL"] = apple.url
        serving = home.serve()
        lines = readme_block("Data of the app stores").replace("http://127.0.0.1:8000", serving.address)
        assert "cb_live_..." in lines
        lines = lines.replace("cb_live_...", home.made["live_key"])
        answers = [json.loads(line) for line in paste(lines, home.data.parent)]
    found, details, history, credits = answers[-4:]
    assert (found["count"], found["results"][0]["title"]) == (1, "WhatsApp Messenger")
    assert details["data"]["score"] == 4.63
    assert [one["value"] for one in history["data"]["fast"]["score"]] == [4.63]
    spent = {one["credit_type"]: one["consumed_credits"] for one in credits["balances"]}
    assert spent == {"API_CALL": 2, "DATA_SCRAPE": 2}


def test_the_readme_sells_in_tiers(home: Home) -> None:
    serving = home.serve()
    lines = readme_block("Sell in tiers").replace("http://127.0.0.1:8000", serving.address)
    lines = lines.replace("cb_test_...", home.made["test_key"])
    *_, made, listed = [json.loads(line) for line in paste(lines, home.data.parent)]
    assert made["tier"] == "professional"
    [row] = listed["plans"]
    assert (row["tier"], row["monthly_price"], row["yearly_price"]) == ("PROFESSIONAL", "149.00", None)
    assert row["credits"] == {"monthly_api_credits": 5000, "monthly_scrape_credits": 5000}
    assert (row["limits"]["max_projects"], row["features"]) == (10, ["90-day history", "Priority support"])


def test_the_readme_signs_people_in(home: Home) -> None:
    serving = home.serve()
    lines = readme_block("People and sign-in").replace("http://127.0.0.1:8000", serving.address)
    account, user, invited, tokens = [
        json.loads(line)
        for line in paste(lines.replace("cb_live_...", home.made["live_key"]), home.data.parent)
    ]
    assert user["email"] == "ann@example.com"
    assert (invited["email"], invited["role"]) == ("bob@example.com", "member")
    with serving.client(tokens["access"]) as client:
        assert client.get("/v1/account/settings/").json()["name"] == account["name"] == "Acme"
    assert within(30, lambda: "bob@example.com" in "".join(letter.read_text() for letter in letters(home)))


def letters(home: Home) -> list[Path]:
    """The e-mails that were sent."""
    return sorted((home.data / "mail").glob("*.eml"))


def test_the_readme_names_every_setting() -> None:
    config = (REPOSITORY / "src" / "tallystick" / "config.py").read_text(encoding="utf-8")
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    settings = set(re.findall(r'"(TALLYSTICK_[A-Z_]+)"', config))
    assert len(settings) > 8
    assert {name for name in settings if f"| `{name}`" not in readme and f"· `{name}`" not in readme} == set()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/docs"])
def test_it_answers_without_a_credential(served: Serving, path: str) -> None:
    assert httpx2.get(served.address + path).status_code == 200


class _Fetched(HTMLParser):
    """Every address that a browser would fetch for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (name in ("src", "srcset", "poster") or (tag == "link" and name == "href")):
                self.found.append(value)


def test_the_docs_fetch_nothing_from_outside(served: Serving) -> None:
    page = httpx2.get(f"{served.address}/docs")
    fetched = _Fetched()
    fetched.feed(page.text)
    assert fetched.found
    for asset in fetched.found:
        address = urljoin(f"{served.address}/docs", asset)
        assert address.startswith(served.address + "/"), f"{asset} is fetched from another host"
        answer = httpx2.get(address)
        assert (answer.status_code, len(answer.content) > 0) == (200, True), asset
    start = httpx2.get(f"{served.address}/docs/start.js").text
    assert not re.findall(r"https?://", start)
    documents = re.findall(r'url: "([^"]+)"', start)
    assert documents
    for document in documents:
        text = httpx2.get(urljoin(f"{served.address}/docs", document)).text
        assert yaml.safe_load(text)["openapi"].startswith("3.")  # JSON is YAML too
    # whatever the bundle would like to load: the browser is told to ask nobody else
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert not re.search(r"https?:|\*", policy)
