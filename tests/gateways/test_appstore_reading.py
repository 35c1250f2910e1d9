"""Whatever stands in Apple's fields, what is read of it can be kept and shown, or is no app."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.domain.appstores.model import checked, checked_hit
from tallystick.gateways.appstore.reading import details_of, hit_of, is_app
from tests.doubles.stores.apple import app

NAMES = sorted(app(1))
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=())),  # halves of characters too
    st.sampled_from(
        ["", " ", "\0", "2025-10-27T15:07:12Z", "9" * 30, "٣", "https://apps.apple.com/us/app/id1"]
    ),
)
NUMBERS = st.one_of(
    st.integers(), st.floats(), st.sampled_from([10**400, -(10**400), 2**63, 2**63 - 1, 5, 4.995, 1e9])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(values=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6))
def test_any_values(values: dict[str, Any]) -> None:
    one = app(310633997) | values
    is_app(one)
    details, hit = details_of(one, "us"), hit_of(one, "us")
    if details is not None:
        assert checked("apple", details) == details
        assert details["url"].startswith("https://")
        json.dumps(details, allow_nan=False).encode()
    if hit is not None:
        assert checked_hit("apple", hit) == hit


@given(value=VALUES)
def test_anything_at_all(value: Any) -> None:
    if is_app(value):
        hit_of(value, "us")
        details_of(value, "us")
