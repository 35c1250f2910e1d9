"""Filters of events, and the addresses that an endpoint may have."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.domain.events.model import TYPES
from tallystick.domain.webhooks.model import check_types, check_url, is_wanted, shown_body, shown_headers
from tallystick.kernel.errors import Invalid


@pytest.mark.parametrize(
    ("types", "wanted"),
    [
        (["*"], True),
        (["invoice.*"], True),
        (["plan.created", "invoice.paid"], True),
        (["invoice.voided"], False),
        (["plan.*"], False),
        ([], False),
    ],
)
def test_filters(types: list[str], wanted: bool) -> None:
    assert is_wanted("invoice.paid", types) == wanted


@given(st.sampled_from(sorted(TYPES)))
def test_every_type_can_be_asked_for(name: str) -> None:
    group = name.split(".")[0] + ".*"
    assert check_types([name, group, "*", name]) == [name, group, "*"]
    assert is_wanted(name, [name])
    assert is_wanted(name, [group])


def test_a_group_is_no_prefix() -> None:
    assert not is_wanted("payment_method.saved", ["payment.*"])
    for wrong in ("payment", "pay*", "invoice.p*", "*.paid", "", ".*", "**"):
        with pytest.raises(Invalid):
            check_types([wrong])


def test_development_takes_private_addresses() -> None:
    for url in ("http://127.0.0.1:9000/x", "http://localhost/", "https://10.0.0.1/", "http://[::1]:80/?a=b"):
        assert check_url(url, allow_private=True) == url
        with pytest.raises(Invalid):
            check_url(url, allow_private=False)


@given(st.text(max_size=50))
def test_no_text_breaks_it(text: str) -> None:
    for url in (text, "https://" + text, "https://a.example/" + text):
        with suppress(Invalid):
            assert check_url(url, allow_private=False) == url


@given(st.binary(max_size=6000), st.text(max_size=20))
def test_what_is_kept_of_an_answer_can_be_stored(body: bytes, value: str) -> None:
    kept = shown_body(body, 4096)
    assert "\0" not in kept
    assert kept.encode().decode() == kept  # no lone surrogate
    [[name, shown]] = shown_headers([("x", value)], ())
    assert (name, shown) == ("x", value.replace("\0", ""))


def test_headers_are_cut_and_hidden() -> None:
    kept = shown_headers([("Set-Cookie", "a=b"), ("x", "y" * 5000), *[("z", "")] * 100], {"set-cookie"})
    assert len(kept) == 50
    assert kept[0] == ["Set-Cookie", "(hidden)"]
    assert len(kept[1][1]) == 1000
