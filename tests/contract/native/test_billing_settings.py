"""/v2/billing-settings"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.contract.native.test_invoices import make
from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds("native", "GET /v2/billing-settings", "PUT /v2/billing-settings")

DEFAULTS = {
    "seller": {"name": "", "address": [], "email": "", "tax_id": "", "logo": ""},
    "invoice_pattern": "INV-{YYYY}-{SEQ:3}",
    "credit_note_pattern": "CN-{YYYY}-{SEQ:3}",
    "days_until_due": 0,
    "grace_seconds": 86400,
    "end_unpaid_after_days": 30,
    "locale": "en",
    "time_zone": "UTC",
    "footer": "",
}


def put(api: Api, **body: Any) -> dict[str, Any]:
    done = api.send("PUT", "/v2/billing-settings", body)
    assert done.status_code == 200, done.text
    return dict(done.json())


def test_what_a_locale_does_is_documented(api: Api) -> None:
    schemas = api.get("/v2/openapi.json").json()["components"]["schemas"]
    assert "labels are English" in schemas["PutBillingSettings"]["properties"]["locale"]["description"]


def test_defaults_and_replacing(api: Api, reader: Api, stranger: Api) -> None:
    assert put(api) == DEFAULTS
    seller = {"name": "Tally Oy", "address": ["A 1", "Helsinki"], "email": "b@tally.example", "tax_id": "FI1",
              "logo": "tally"}  # fmt: skip
    changed = put(
        api, seller=seller, days_until_due=14, locale="de-AT", time_zone="Africa/Kampala", footer="Bye"
    )
    assert changed == DEFAULTS | {
        "seller": seller, "days_until_due": 14, "locale": "de-AT", "time_zone": "Africa/Kampala", "footer": "Bye",
    }  # fmt: skip
    assert reader.get("/v2/billing-settings").json() == changed
    assert stranger.get("/v2/billing-settings").json() == DEFAULTS
    problem(reader.send("PUT", "/v2/billing-settings", {}), 403, "forbidden")
    made = make(api, api.account(), finalize=True)
    assert made["seller"] == {"name": "Tally Oy", "email": "b@tally.example", "address": ["A 1", "Helsinki"],
                              "tax_id": "FI1"}  # fmt: skip
    due, issued = (datetime.fromisoformat(made[name]) for name in ("due_at", "issued_at"))
    assert due - issued == timedelta(days=14)
    assert put(api) == DEFAULTS


def test_patterns(api: Api) -> None:
    account = api.account()
    numbers = []
    for pattern in ("N{SEQ}", "N{SEQ:2}", "N1{SEQ}", "N{SEQ}"):
        put(api, invoice_pattern=pattern)
        numbers += [make(api, account, finalize=True)["number"] for _ in range(2)]
    assert numbers == ["N1", "N2", "N03", "N04", "N11", "N12", "N5", "N6"]
    put(api)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"invoice_pattern": "INV"}, "invoice_pattern"),
        ({"invoice_pattern": "{SEQ}{SEQ}"}, "invoice_pattern"),
        ({"invoice_pattern": "{SEQ:0}"}, "invoice_pattern"),
        ({"invoice_pattern": "{SEQ:13}"}, "invoice_pattern"),
        ({"invoice_pattern": "{MM}-{SEQ}"}, "invoice_pattern"),
        ({"invoice_pattern": "{DAY}-{SEQ}"}, "invoice_pattern"),
        ({"invoice_pattern": "é{SEQ}"}, "invoice_pattern"),
        ({"invoice_pattern": "{{SEQ}"}, "invoice_pattern"),
        ({"credit_note_pattern": ""}, "credit_note_pattern"),
        ({"days_until_due": -1}, "days_until_due"),
        ({"days_until_due": True}, "days_until_due"),
        ({"grace_seconds": "1"}, "grace_seconds"),
        ({"end_unpaid_after_days": 3651}, "end_unpaid_after_days"),
        ({"locale": "xx-nonsense"}, "locale"),
        ({"locale": "\0en"}, "locale"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"footer": "\ud800"}, "footer"),
        ({"seller": {"email": "x"}}, "seller.email"),
        ({"seller": {"name": "\0"}}, "seller.name"),
        ({"seller": {"address": ["x"] * 7}}, "seller.address"),
        ({"seller": {"address": ["\0"]}}, "seller.address.0"),
        ({"seller": {"colour": 1}}, "seller.colour"),
        ({"colour": 1}, "colour"),
    ],
)
def test_what_is_wrong(api: Api, body: Any, field: str) -> None:
    refused = problem(api.send("PUT", "/v2/billing-settings", body), 422, "invalid_request")
    assert fields_of(refused) == [field]
