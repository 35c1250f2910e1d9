"""A request with a card number is refused in the contract's own words, and nothing of it is kept or logged."""

import logging

import psycopg
import pytest

from tests.contract.served import Api, House, problem

from .paying import checkout, made

CARD = "4242 4242 4242 4242"
DIGITS = CARD.replace(" ", "")


def test_native_refuses_it_everywhere(api: Api) -> None:
    account = api.funded(10)
    hot = {"account": account, "amount": 1, "metadata": {"paid_with": CARD}}
    problem(api.post("/v2/debits", hot), 422, "card_number")
    problem(api.post("/v2/batch", {"commands": [{"type": "debit", **hot}]}), 422, "card_number")
    cold = {"name": DIGITS}
    problem(api.post("/v2/accounts", cold), 422, "card_number")
    problem(api.send("PATCH", f"/v2/accounts/{account}", cold), 422, "card_number")
    problem(api.get("/v2/accounts", external_id=DIGITS), 422, "card_number")
    problem(api.post("/v2/accounts", f"name={CARD}"), 422, "card_number")
    assert api.wallet(account)["posted"] == "10"


def test_it_says_no_word_of_the_number(api: Api) -> None:
    text = api.post("/v2/accounts", {"name": CARD}, key=f"k-{DIGITS[:6]}").text
    assert "4242" not in text


def test_credibill_and_account_refuse_it_in_their_words(api: Api) -> None:
    refused = api.post("/api/customers", {"name": "Ann", "metadata": {"card": CARD}})
    assert refused.status_code == 400
    assert list(refused.json()) == ["error"]
    assert isinstance(refused.json()["error"], str)
    for path in ("/auth/account/ledger", "/auth/account/credits"):
        refused = api.get(path, type=CARD)
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "card_number"


def test_pages_refuse_it_and_providers_words_are_their_own(api: Api) -> None:
    opened = checkout(api, api.account())
    page = api.http.post(opened["url"], content=f"card={DIGITS}", headers={"Authorization": ""})
    assert 400 <= page.status_code < 500
    assert DIGITS not in page.text
    assert made(api.get(f"/v2/checkouts/{opened['id']}"), 200)["status"] == "open"
    told = api.post("/webhooks/stripe", {"number": DIGITS})
    assert "card number" not in told.text.lower(), "its signature is what is looked at"


def test_nothing_of_it_is_kept_or_logged(
    house: House, api: Api, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    account = api.account()
    api.post("/v2/debits", {"account": account, "amount": 1, "description": CARD}, key="with-card")
    api.post("/v2/accounts", {"name": CARD}, key="with-card-too")
    api.post("/api/customers", {"name": CARD})
    said = caplog.text + "".join(capfd.readouterr())
    assert DIGITS not in said
    assert CARD not in said
    for table, row in rows_of(house.database_url):
        assert DIGITS not in row, table
        assert CARD not in row, table
        assert "with-card" not in row, table


def test_it_is_no_idempotency_key(house: House, api: Api) -> None:
    account = api.funded(10)
    body = {"account": account, "amount": 1}
    for path in ("/v2/debits", "/v2/checkouts"):
        said = problem(api.post(path, body, key=DIGITS), 422, "invalid_request")
        assert said["errors"][0]["field"] == "Idempotency-Key"
    assert api.post("/api/customers", {"name": "Ann"}, key=CARD).status_code == 400
    assert not [table for table, row in rows_of(house.database_url) if DIGITS in row or CARD in row]


def test_amounts_and_ids_pass(api: Api) -> None:
    account = api.account(external_id="1700000000000000")
    api.grant(account, "9007199254.740991", reference="4242424242424241")
    api.debit(account, 1, metadata={"at": 4242424242424242})


_TABLES = "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"


def rows_of(url: str) -> list[tuple[str, str]]:
    """Every row of every table, as text."""
    found: list[tuple[str, str]] = []
    with psycopg.connect(url) as conn:
        for (table,) in conn.execute(_TABLES).fetchall():
            query = f"select t::text from public.{table} t"
            found += [(table, text) for (text,) in conn.execute(query.encode()).fetchall()]
    assert "account" in {table for table, _ in found}
    return found
