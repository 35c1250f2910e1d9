"""The rest of the contract against the framework itself: what it refuses of a body or a query, we refuse alike.

What it takes may still be refused here, for what it knows nothing of: such answers are held against the document.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clients import http_client
from tests.contract.conformance.holding import hold
from tests.contract.conformance.tiers import ANDROID, APPLE, sell
from tests.contract.igny8.shops import shop
from tests.contract.served import House
from tests.doubles import drf
from tests.doubles.drf import Answer
from tests.doubles.drf.appvector import TOKEN
from tests.unit.http import drf_payloads as sent

JSON: Final = "application/json"
APP: Final = {"app_id": ANDROID, "country": "us", "language": "en"}
SPAN: Final = {"start_date": "2025-09-29", "end_date": "2025-10-29"}
PLAN: Final = {"plan_tier": "ENTERPRISE", "billing_cycle": "MONTHLY"}
USE: Final = {"feature_key": "api_calls", "amount": 1, "metadata": {"operation": "x"}}
BACK: Final = {"success_url": "https://yourdomain.com/a", "cancel_url": "https://yourdomain.com/b"}
GOOD: Final[dict[str, dict[str, Any]]] = {
    "/api/aso/android-search/": {"keyword": "messaging", "country": "us", "language": "en"},
    "/api/aso/apple-search/": {"keyword": "messaging", "country": "us", "language": "en"},
    "/api/aso/android-details/": APP | {"force_refresh": False},
    "/api/aso/apple-details/": APP | {"app_id": str(APPLE), "metadata_type": "both", "force_refresh": False},
    "/api/aso/android-history/": APP | SPAN | {"fields": ["score"]},
    "/api/aso/apple-history/": APP | SPAN | {"app_id": str(APPLE), "metadata_type": "fast"},
    "/api/billing/subscription/upgrade/": PLAN,
    "/api/billing/subscription/downgrade/": PLAN,
    "/api/billing/subscription/cancel/": {"reason": "too dear"},
    "/api/billing/credits/consume/": USE,
    "/api/billing/features/check/": {"feature_key": "api_access", "metadata": {}},
    "/api/billing/features/consume/": USE,
    "/api/billing/stripe/checkout/": PLAN | BACK,
    "/api/billing/stripe/checkout/credits/": {"feature_key": "api_calls", "amount": 10, **BACK},
}
"""What is posted to each, with which nothing is wrong."""
READ: Final = {
    "/api/billing/credits/history/": ("feature_key", "limit"),
    "/api/billing/stripe/payment-history/": ("limit",),
    "/api/billing/invoices/": ("limit",),
    "/api/billing/credits/": (),
}
NO_BODY: Final = ("/api/billing/subscription/cancel/",)
"""What may be sent without anything in it, also as null."""
DAYS: Final = [
    "2025-09-29",
    "2025-9-1",
    "20250929",
    "2025-02-30",
    "29.09.2025",
    "2025-09-29T00:00:00Z",
    "",
    "today",
]
CODES: Final = ["us", "US", "usa", "u", "", " us ", "u1", "ü1", "us\n"]
VALUES = sent.VALUES | st.sampled_from(
    [*DAYS, *CODES, "fast", "MONTHLY", "monthly", "a" * 201, "a" * 256, 0, -1]
)


@dataclass
class Asking:
    client: httpx2.Client
    token: str


@pytest.fixture(scope="module")
def asking(house: House) -> Iterator[Asking]:
    """The owner of a workspace of a shop that sells the document's tiers."""
    here = shop(house)
    with here.admin() as api:
        sell(api)
        for code in ("api_calls", "data_scrapes"):
            api.grant(here.id, 1_000_000, credit_type=code)
    with http_client(house.url) as client:
        yield Asking(client, here.token(here.user()))


def same(
    asking: Asking,
    method: str,
    path: str,
    body: bytes = b"",
    media: str | None = None,
    *,
    query: str = "",
    authorized: bool = True,
) -> None:
    """The two answers are the same, unless the framework finds nothing wrong."""
    media = None if media is None else media.strip()
    credential = f"Bearer {TOKEN}" if authorized else None
    oracle = drf.normal(drf.ask(method, path, body, media, credential, query))
    headers = {} if media is None else {"Content-Type": media}
    if authorized:
        headers["Authorization"] = f"Bearer {asking.token}"
    answer = asking.client.request(
        method, path + (f"?{query}" if query else ""), content=body, headers=headers
    )
    assert answer.status_code < 500, answer.text
    if oracle.status == 200:
        hold(answer)
        assert answer.status_code not in (401, 405, 415), answer.text
    elif oracle.status == 500 or not isinstance(oracle.body, dict):
        assert answer.status_code in (400, 415), (answer.text, oracle)  # it failed, or said it in a page
    else:
        assert Answer(answer.status_code, answer.json(), answer.headers.get("www-authenticate")) == oracle


def stepped(path: str) -> Any:
    """Good bodies with one or two fields made something else, or left out."""
    good = GOOD[path]
    changes = st.dictionaries(st.sampled_from([*good]), VALUES, min_size=1, max_size=2)
    gone = st.sets(st.sampled_from([*good]), max_size=1)
    made = st.builds(
        lambda new, less: {name: value for name, value in (good | new).items() if name not in less},
        changes,
        gone,
    )
    return st.tuples(st.just(path), made)


PATHS = st.sampled_from([*GOOD])


@settings(max_examples=80)
@given(PATHS.flatmap(stepped))
def test_fields(asking: Asking, asked: tuple[str, dict[str, Any]]) -> None:
    path, payload = asked
    same(asking, "POST", path, sent.json_of(payload), JSON)


@settings(max_examples=25)
@given(PATHS, sent.NESTED)
def test_payloads(asking: Asking, path: str, payload: Any) -> None:
    if payload is not None or path not in NO_BODY:
        same(asking, "POST", path, sent.json_of(payload), JSON)


@settings(max_examples=25)
@given(sent.MEDIA, sent.BROKEN, PATHS)
def test_bodies(asking: Asking, media: str, body: bytes, path: str) -> None:
    if body.strip() != b"null" or path not in NO_BODY:
        same(asking, "POST", path, body, media)


@settings(max_examples=25)
@given(st.sampled_from([*READ]), st.data())
def test_queries(asking: Asking, path: str, data: st.DataObject) -> None:
    names = st.sampled_from([*READ[path], "other"])
    pairs = data.draw(st.dictionaries(names, sent.TEXT.filter(lambda text: "\x00" not in text), max_size=2))
    same(asking, "GET", path, query=urlencode(pairs))


@settings(max_examples=20)
@given(
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]), st.sampled_from([*GOOD, *READ]), st.booleans()
)
def test_methods_and_who_asks(asking: Asking, method: str, path: str, authorized: bool) -> None:
    if path != "/api/billing/subscription/" and not (authorized and method == "POST" and path in GOOD):
        same(asking, method, path, authorized=authorized)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=3_000, derandomize=False)
@given(PATHS.flatmap(stepped))
def test_many_fields(asking: Asking, asked: tuple[str, dict[str, Any]]) -> None:
    path, payload = asked
    same(asking, "POST", path, sent.json_of(payload), JSON)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=2_000, derandomize=False)
@given(sent.MEDIA, sent.BROKEN, PATHS)
def test_many_bodies(asking: Asking, media: str, body: bytes, path: str) -> None:
    if body.strip() != b"null" or path not in NO_BODY:
        same(asking, "POST", path, body, media)
