"""Where a customer may be sent after paying."""

import pytest

from tallystick.http.urls import check_url
from tallystick.kernel.actor import Mode
from tallystick.kernel.errors import Invalid

OWN = "http://billing.example:8787"


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/yes?s={CHECKOUT_SESSION_ID}",
        "https://shop.example:8443",
        "http://billing.example:8787/done",
        "http://localhost:5173/",
        "http://127.0.0.1/",
        "http://[::1]:3000/",
    ],
)
def test_good(url: str) -> None:
    assert check_url("success_url", url, Mode.TEST, OWN) == url


def test_none_is_empty() -> None:
    assert check_url("success_url", None, Mode.LIVE, OWN) == ""


@pytest.mark.parametrize(
    "url",
    [
        "", "/done", "shop.example", "javascript:alert(1)", "data:text/html,x", "ftp://shop.example/",
        "http://shop.example/", "http://billing.example/", "https://", "https://u:p@shop.example/",
        "https://shop.example/a b", "https://shop.example/\n", "https://shop.example/{X}", "https://shöp.example/",
        "https://shop.example:x/", "https://[::1", "http://localhost.shop.example/", "//shop.example/",
        "https://shop.example:0/", "http://x[::1]/", "http://[::1]x/", "http://localhost[::1]:80/", "http://@localhost/",
    ],
)  # fmt: skip
def test_bad(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_url("success_url", url, Mode.TEST, OWN)
    assert refused.value.field == "success_url"


def test_live_customers_are_not_sent_to_this_machine() -> None:
    with pytest.raises(Invalid):
        check_url("cancel_url", "http://localhost:5173/", Mode.LIVE, OWN)


LISTED = ("https://shop.example", "http://localhost:3000")


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/yes?s={CHECKOUT_SESSION_ID}", "https://shop.example:443/", "https://SHOP.example/x",
        "http://localhost:3000/", "http://billing.example:8787/done",
    ],
)  # fmt: skip
def test_of_a_listed_origin(url: str) -> None:
    assert check_url("success_url", url, Mode.LIVE, OWN, LISTED) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/", "http://shop.example/", "https://shop.example:8443/", "https://a.shop.example/",
        "https://shop.example.evil/", "http://localhost:3001/", "http://127.0.0.1:3000/", "https://localhost/",
        "https://u@shop.example/", "https://shop.example\\@evil.example/", "https://shop.example:0/",
    ],
)  # fmt: skip
def test_of_no_listed_origin(url: str) -> None:
    with pytest.raises(Invalid):
        check_url("success_url", url, Mode.LIVE, OWN, LISTED)


def test_any_origin_is_any_of_https() -> None:
    assert (
        check_url("success_url", "https://other.example/", Mode.LIVE, OWN, ("*",)) == "https://other.example/"
    )
    with pytest.raises(Invalid):
        check_url("success_url", "http://other.example/", Mode.LIVE, OWN, ("*",))


def test_without_a_list_only_this_server_and_in_test_mode_this_machine() -> None:
    for url in ("https://localhost/", "http://localhost:3000/", "http://billing.example:8787/"):
        assert check_url("success_url", url, Mode.TEST, OWN, ()) == url
    with pytest.raises(Invalid):
        check_url("success_url", "https://shop.example/", Mode.TEST, OWN, ())
