"""Pages: the next one goes on after the last row; a cursor that we did not give is refused."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.errors import Invalid
from tallystick.kernel.page import Page, decode_cursor, encode_cursor, page_of


@given(st.integers(0, 2**63 - 1))
def test_a_cursor_is_read_back(key: int) -> None:
    cursor = encode_cursor(key)
    assert cursor is not None
    assert cursor.isascii()
    assert "=" not in cursor
    assert decode_cursor(cursor) == key


def test_no_cursor_is_the_first_page() -> None:
    assert encode_cursor(None) is None
    assert decode_cursor(None) is None


def raw(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "5",
        "k5",
        "garbage!",
        "a" * 5_000,
        "\ud800",
        "١٢",
        raw(b""),
        raw(b"k"),
        raw(b"5"),
        raw(b"k-5"),
        raw(b"k+5"),
        raw(b"k 5"),
        raw(b"k05"),
        raw(b"k5\n"),
        raw(b"k5.0"),
        raw("k٥".encode()),
        raw(b"k9223372036854775808"),  # one more than a row's key can be
        raw(b"k9999999999999999999"),
        raw(b"k5") + "==",
        raw(b"k5") + " ",
    ],
    ids=repr,
)
def test_what_we_did_not_give_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(cursor)


@given(st.text(max_size=30))
def test_any_text_is_one_of_ours_or_refused(text: str) -> None:
    try:
        key = decode_cursor(text)
    except Invalid:
        return
    assert encode_cursor(key) == text


@given(st.integers(0, 40), st.integers(1, 12))
def test_pages_follow_on_each_other_until_all_rows_were_given(count: int, limit: int) -> None:
    rows = list(range(count, 0, -1))
    seen: list[int] = []
    after: int | None = count + 1
    while after is not None:
        page = page_of([row for row in rows if row < after][: limit + 1], limit, lambda row: row)
        assert len(page.rows) <= limit
        seen += page.rows
        after = page.next_key
    assert seen == rows


def test_a_page_is_shown_row_by_row() -> None:
    assert Page([1, 2], 2).map(str) == Page(["1", "2"], 2)
