"""What is asked of the app stores, as AppVector reads it: the quick way takes nothing that the other would not."""

import json
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tallystick.dialects.appvector import apps
from tallystick.domain.appstores.port import Platform
from tallystick.http.contract import Ask
from tallystick.http.drf.parsing import parsed
from tallystick.http.drf.validation import Refused, ValidationFailed
from tallystick.kernel.errors import Invalid

JSON = "application/json"
NAMES = ["app_id", "country", "language", "force_refresh", "metadata_type", "workspace_id", "other"]
TEXTS = st.sampled_from(
    [
        "com.whatsapp",
        " com.whatsapp ",
        "310633997",
        "0",
        "us",
        "DE",
        "usa",
        "",
        "both",
        "fast",
        "true",
        "\u0130\u0130",
        "e\u0301",
    ]
)
VALUES: st.SearchStrategy[Any] = (
    TEXTS | st.none() | st.booleans() | st.integers(-1, 10**19) | st.floats(allow_nan=False) | st.just([])
)
BODIES: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"app_id": TEXTS}, optional=dict.fromkeys(NAMES[1:], VALUES)
)


def asked(body: bytes, media: str = JSON) -> Ask:
    return Ask("POST", "/api/aso/android-details/", {}, {}, body, media, None, None, None, None)


def slowly(platform: Platform, body: bytes) -> tuple[Any, apps.Wanted] | None:
    try:
        said = parsed(JSON, body)
        return said.get("workspace_id"), apps.details(platform, said)
    except (ValidationFailed, Refused, Invalid):
        return None


@given(BODIES, st.sampled_from(get_args(Platform)))
@example({"app_id": "com.whatsapp", "country": "US", "language": "en", "force_refresh": True}, "android")
@example({"app_id": "310633997", "metadata_type": "slow", "workspace_id": 7}, "apple")
def test_the_quick_way_reads_the_same(said: Any, platform: Platform) -> None:
    body = json.dumps(said).encode()
    quick = apps.quickly(platform, asked(body))
    if quick is not None:
        assert quick == slowly(platform, body)


@pytest.mark.parametrize("platform", get_args(Platform))
def test_the_plain_form_is_read_quickly(platform: Platform) -> None:
    app_id = "com.whatsapp" if platform == "android" else "310633997"
    said = {"app_id": app_id, "country": "US", "language": "en", "force_refresh": False}
    quick = apps.quickly(platform, asked(json.dumps(said).encode()))
    assert quick == (None, apps.Wanted(apps.App(platform, app_id, "us", "en", "both"), False))


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b'{"app_id": "com.whatsapp"}', ""),
        (b'{"app_id": "com.whatsapp"}', "application/json; charset=utf-16"),
        (b"app_id=com.whatsapp", "application/x-www-form-urlencoded"),
        (b'{"app_id": "com.whatsapp", "x": NaN}', JSON),
        (b'{"app_id": "com.whatsapp", "x": "\xff"}', JSON),
        (b'{"app_id": "com.whatsapp", "x": ' + b"[" * 200 + b"]" * 200 + b"}", JSON),
        (b'\xef\xbb\xbf{"app_id": "com.whatsapp"}', JSON),
        (b'{"app_id": "com.whatsapp"} x', JSON),
        (b"[]", JSON),
        (b"", JSON),
    ],
)
def test_any_other_body_is_for_the_framework(body: bytes, media: str) -> None:
    assert apps.quickly("android", asked(body, media)) is None


def test_answers_are_joined_as_json() -> None:
    app = apps.App("apple", "310633997", "us", "en", "fast")
    joined = apps.told(app, b'{"score":4.63}')
    assert json.loads(joined) == {
        "success": True,
        "app_id": "310633997",
        "country": "us",
        "language": "en",
        "metadata_type": "fast",
        "data": {"score": 4.63},
    }
