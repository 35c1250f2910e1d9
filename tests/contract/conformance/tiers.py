"""What AppVector's document sells: its three tiers, features and credits, and a house where its requests work."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from tallystick.kernel.ids import parse_typeid
from tests.contract.served import Api, House, housed
from tests.doubles.google import GoogleDouble
from tests.doubles.stores import Stores

SITE: Final = "https://yourdomain.com"
"""Where the document's addresses to come back to are."""
ANDROID: Final = "com.whatsapp"
APPLE: Final = 310633997
KEYWORD: Final = "messaging"

_MONTHS: Final[tuple[tuple[str, int], ...]] = (("monthly", 1), ("yearly", 10))
# name, price of a month, projects, keywords, competitors, members, days, credits of each type
_TIERS: Final = (
    ("STARTER", 49, 3, 50, 5, 3, 30, 1000),
    ("PROFESSIONAL", 149, 10, 200, 25, 10, 90, 5000),
    ("ENTERPRISE", 499, 50, 1000, 100, 50, 365, 25_000),
)
LIMITS: Final = (
    "max_projects",
    "max_keywords_per_project",
    "max_competitors_per_project",
    "max_team_members",
    "historical_data_days",
)
_FEATURES: Final[tuple[dict[str, Any], ...]] = (
    {
        "key": "max_projects",
        "name": "Maximum Projects",
        "description": "Number of projects that can be created",
        "type": "HARD_LIMIT",
        "category": "WORKSPACE",
        "unit": "projects",
    },
    *({"key": key, "name": key.replace("_", " ").title(), "type": "HARD_LIMIT"} for key in LIMITS[1:]),
    {"key": "api_access", "name": "API Access", "type": "BOOLEAN", "category": "API"},
    {
        "key": "api_calls",
        "name": "API Calls",
        "description": "Monthly API call credits",
        "type": "CREDIT_BASED",
        "category": "API",
        "unit": "calls",
        "credit_type": "api_calls",
    },
    {"key": "data_scrapes", "name": "Data Scrapes", "type": "CREDIT_BASED", "credit_type": "data_scrapes"},
)


def sell(api: Api) -> Mapping[str, str]:
    """Make features, credit types and the tiers by the month and by the year: the plans' ids by `tier_interval`."""
    for code, name in (("api_calls", "API Calls"), ("data_scrapes", "Data Scrapes")):
        _made(api.send("PUT", "/v2/credit-types", {"code": code, "name": name}))
    for feature in _FEATURES:
        _made(api.post("/v2/features", feature))
    made = {}
    for rank, (tier, price, *limits, credits) in enumerate(_TIERS, 1):
        for interval, months in _MONTHS:
            plan = {
                "name": tier.title(),
                "description": "Perfect for growing teams",
                "tier": tier,
                "rank": rank,
                "interval": interval,
                "currency": "USD",
                "components": [{"key": "base", "kind": "flat", "amount": f"{price * months}.00"}],
                "allowances": [
                    {"credit_type": code, "amount": credits} for code in ("api_calls", "data_scrapes")
                ],
                "features": dict(zip(LIMITS, limits, strict=True)) | _SWITCHES,
                "metadata": {
                    "features": [f"{limits[-1]}-day history", "Priority support", "Advanced analytics"]
                },
            }
            made[f"{tier}_{interval}"] = str(_made(api.post("/v2/plans", plan))["id"])
    return made


_SWITCHES: Final = {"api_access": True, "api_calls": True, "data_scrapes": True}


def uuid(text: str) -> str:
    """An id of the native contract as AppVector has it."""
    found = parse_typeid(text.partition("_")[0], text)
    assert found is not None
    return str(found)


def _made(answer: Any) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


@contextmanager
def stocked(server: Any, template: str, name: str, **settings: Any) -> Iterator[House]:
    """A server with a Google that answers, two stores that have the document's apps, and a site to come back to."""
    with GoogleDouble() as google, Stores() as stores:
        settings |= {"google_client_ids": (google.client_id,), "google_url": google.url}
        settings |= {"cors_allowed_origins": (SITE,), **stores.settings}
        stock(stores)
        with housed(server, template, name, **settings) as house:
            yield house


def stock(stores: Stores) -> None:
    """The apps of the document's examples."""
    stores.play.put(
        ANDROID, title="WhatsApp Messenger", stars=4.391, ratings=212040976, installs="10,000,000,000+",
        developer="WhatsApp LLC", genre="Communication", micros=0, version="2.25.2.75", android=None,
    )  # fmt: skip
    messages = "com.google.android.apps.messaging"
    stores.play.put(
        messages, title="Google Messages", stars=4.57, installs="5,000,000,000+", developer="Google LLC"
    )
    stores.play.finds(KEYWORD, messages, ANDROID)
    stores.apple.put(
        APPLE, trackName="WhatsApp Messenger", bundleId="net.whatsapp.WhatsApp", averageUserRating=4.63,
        userRatingCount=7203977, artistName="WhatsApp Inc.", primaryGenreName="Social Networking", price=0.0,
        version="25.30.73", minimumOsVersion="15.1",
    )  # fmt: skip
    stores.apple.finds(KEYWORD, APPLE, 874139669)
