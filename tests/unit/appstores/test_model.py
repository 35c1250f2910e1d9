"""The tables of fields, what callers may name, and what a store may give."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.domain.appstores import model
from tallystick.domain.appstores.model import (
    app_id_of,
    checked,
    checked_hit,
    fields_of,
    good_for,
    keyword_of,
    normal,
    shown,
)
from tallystick.domain.appstores.port import StoreFailed
from tallystick.kernel.errors import Invalid
from tests.db.appstores.shelf import hit
from tests.doubles.stores.printed import WHATSAPP, WHATSAPP_APPLE


def test_the_contracts_examples_are_whole() -> None:
    assert checked("android", WHATSAPP) == WHATSAPP
    assert checked("apple", WHATSAPP_APPLE) == WHATSAPP_APPLE
    apple = {
        "id": 310633997, "appId": "net.whatsapp.WhatsApp", "title": "WhatsApp Messenger",
        "url": "https://apps.apple.com/us/app/whatsapp-messenger/id310633997", "developer": "WhatsApp Inc.",
        "primaryGenre": "Social Networking", "score": 4.69, "reviews": 16707847, "price": 0, "free": True,
        "version": "25.30.73", "requiredOsVersion": "15.1",
    }  # fmt: skip
    assert list(checked_hit("apple", apple).items()) == list(apple.items())
    assert "icon" not in checked_hit("android", hit("com.a"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", None), ("title", 7), ("title", "a\0b"), ("title", "\ud800"), ("title", "x" * 20_001),
        ("score", "4.5"), ("score", float("nan")), ("score", float("inf")), ("score", -0.1), ("score", True),
        ("ratings", 1.5), ("ratings", -1), ("ratings", True), ("ratings", 2**63), ("free", 1), ("free", None),
        ("updated", "2025-13-01"), ("updated", "yesterday"), ("screenshots", "https://a"), ("screenshots", [1]),
        ("histogram", [1, 2.5]), ("screenshots", ["x"] * 201), ("price", [0]), ("icon", {}),
    ],
)  # fmt: skip
def test_what_is_not_whole_has_changed(name: str, value: Any) -> None:
    with pytest.raises(StoreFailed) as caught:
        checked("android", WHATSAPP | {name: value})
    assert caught.value.fault == "changed"
    assert name in str(caught.value)


def test_names_that_nobody_knows_are_left_out_and_the_order_is_the_tables() -> None:
    given = dict(reversed(WHATSAPP.items())) | {"secret": 1, "icon": None, "updated": "2025-01-31"}
    found = checked("android", given)
    assert list(found) == [*WHATSAPP, "updated"]


def test_equal_numbers_are_the_same_json() -> None:
    found = checked("android", WHATSAPP | {"price": 0.0, "score": 4.0})
    assert json.dumps([found["price"], found["score"]]) == "[0, 4]"
    assert checked("android", WHATSAPP | {"price": 1.99})["price"] == 1.99


@given(st.dictionaries(st.sampled_from(list(model.DETAILS["android"])), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4
)))  # fmt: skip
def test_whatever_comes_is_storable_or_refused(fields: dict[str, Any]) -> None:
    try:
        found = checked("android", WHATSAPP | fields)
    except StoreFailed:
        return
    text = json.dumps(found, allow_nan=False)
    assert "\\u0000" not in text
    assert json.loads(text) == found


@pytest.mark.parametrize(
    "text", ["com.whatsapp", "com.facebook.orca", "a.b", "Com.App_2.X9", "a." + "b" * 253]
)
def test_android_ids(text: str) -> None:
    assert app_id_of("android", text) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "com", "com.", ".com", "com..a", "com.1a", "1.a", "com.a&hl=de", "../etc", "com.a/b", "com.a b", "cöm.a",
        "com.a\n", "http://127.0.0.1/", "@host.a", "a." + "b" * 254, "com.a%2e", "com.a\0", "com.a?id=b.c",
    ],
)  # fmt: skip
def test_what_are_no_android_ids(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        app_id_of("android", text)
    assert caught.value.field == "app_id"


@pytest.mark.parametrize("text", ["1", "310633997", "9223372036854775807"])
def test_apple_ids(text: str) -> None:
    assert app_id_of("apple", text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-1",
        "01",
        "1.0",
        "9223372036854775808",
        "1e3",
        "\u0663",
        "1 ",
        "1\n",
        "id1",
        "1&2",
        "9" * 5000,
    ],
)
def test_what_are_no_apple_ids(text: str) -> None:
    with pytest.raises(Invalid):
        app_id_of("apple", text)


def test_keywords() -> None:
    assert keyword_of("  Messaging  App ") == "Messaging  App"
    assert keyword_of("x" * 200) == "x" * 200
    assert normal(" Messaging \u3000 App ") == "messaging app"
    assert normal("İSTANBUL") == "i̇stanbul"
    for text in ("", "  ", "x" * 201, "a\0b", "a\nb", "\ud800"):
        with pytest.raises(Invalid) as caught:
            keyword_of(text)
        assert caught.value.field == "keyword"


def test_fields_and_parts() -> None:
    assert fields_of("apple", "fast") == ["score", "ratings"]
    assert set(fields_of("apple", "slow")) == set(fields_of("apple", "both")) - {"score", "ratings"}
    assert fields_of("android", "fast") == fields_of("android", "both")
    assert fields_of("apple", "fast", ["title", "score", "title"]) == ["title", "score"]
    assert fields_of("android", "both", []) == []
    with pytest.raises(Invalid) as caught:
        fields_of("apple", "both", ["genre"])
    assert caught.value.field == "fields"
    fast = {name: WHATSAPP_APPLE[name] for name in ("appId", "score", "ratings")}
    assert shown("apple", WHATSAPP_APPLE, "fast") == fast
    assert shown("apple", WHATSAPP_APPLE, "both") == WHATSAPP_APPLE
    assert set(shown("apple", WHATSAPP_APPLE, "slow")) == set(WHATSAPP_APPLE) - {"score", "ratings"}
    assert shown("android", WHATSAPP, "fast") == WHATSAPP


def test_how_long_what_is_known_is_good() -> None:
    day, week = timedelta(days=1), timedelta(days=7)
    assert [good_for("apple", parts) for parts in model.PARTS] == [day, day, week]
    assert [good_for("android", parts) for parts in model.PARTS] == [week] * 3
