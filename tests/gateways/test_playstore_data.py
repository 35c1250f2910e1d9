"""Google Play's arrays, as it sends them and as nobody would: what comes of them can be kept, or is a fault."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.domain.appstores.model import checked, checked_hit
from tallystick.domain.appstores.port import StoreFailed
from tallystick.gateways.playstore.details import details
from tallystick.gateways.playstore.hits import first, following
from tallystick.gateways.playstore.values import at
from tests.doubles.stores import Asked
from tests.doubles.stores.play import DETAILS, SEARCH, PlayDouble

APP = "com.example.app0"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((0,), "a"),
        ((1, 0), "b"),
        ((1, 1), None),
        ((2,), None),  # what stands there holds the places behind
        ((3,), None),
        ((4, 1), "d"),
        ((140,), "e"),
        ((0, 0), None),
        ((), ["a", ["b"], {"5": ["c", "d"], "141": "e"}]),
    ],
)
def test_places_in_an_array_that_has_some_in_an_object_at_its_end(path: tuple[int, ...], value: Any) -> None:
    assert at(["a", ["b"], {"5": ["c", "d"], "141": "e"}], *path) == value


def _asked(path: str, **query: str) -> Asked:
    return Asked("GET", path, path, query, {}, {})


def _page(path: str, **values: Any) -> bytes:
    """A page about one app that has these values."""
    double = PlayDouble()
    double.finds("messaging", APP)
    double.put(APP, **values)
    return double.answer(_asked(path, q="messaging", id=APP)).body


def _read(read: Callable[[bytes], Any], answer: bytes) -> Any:
    """As the port promises: what can be kept, or a fault."""
    try:
        return read(answer)
    except StoreFailed as failed:
        fault = failed.fault
    assert fault == "changed"
    return None


def _whole_details(page: bytes) -> None:
    found = _read(lambda body: details(body, APP), page)
    if found is not None:
        assert sorted(checked("android", found)) == sorted(found)
        _kept(found)


def _whole_hits(page: bytes) -> None:
    found = _read(first, page)
    for hit in found.hits if found else ():
        assert checked_hit("android", hit) == hit
        _kept(hit)


def _kept(value: Any) -> None:
    """PostgreSQL's JSON takes it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    assert "\\u0000" not in text
    text.encode()


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**15, 10**40)
    | st.floats(allow_nan=False)
    | st.text()
    | st.text(alphabet=st.characters(codec=None, categories=["Cs", "Cc", "Lo"])),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text("0123456789", max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)
PLACES = st.lists(st.integers(0, 7), max_size=8)
FIELDS = st.sampled_from([0, 9, 10, 12, 13, 51, 57, 68, 69, 72, 73, 77, 78, 79, 95, 140, 145])
ROW = st.sampled_from([0, 1, 3, 4, 8, 13, 14, 15])


@given(FIELDS, PLACES, ANY)
@settings(max_examples=80, deadline=None)
def test_anything_anywhere_in_details(field: int, places: list[int], value: Any) -> None:
    _whole_details(_page(DETAILS, over={(field, *places): value}))


@given(ROW, PLACES, ANY)
@settings(max_examples=80, deadline=None)
def test_anything_anywhere_in_a_hit(field: int, places: list[int], value: Any) -> None:
    _whole_hits(_page(SEARCH, over_row={(field, *places): value}))


@given(st.binary(max_size=300), st.integers(0, 4000), st.integers(0, 300))
@settings(max_examples=80, deadline=None)
def test_bytes_that_went_wrong(noise: bytes, place: int, length: int) -> None:
    for path, read in ((DETAILS, _whole_details), (SEARCH, _whole_hits)):
        page = _page(path)
        read(page[:place] + noise + page[place + length :])
        read(noise)
    _read(following, noise)
    _read(following, b")]}'\n\n" + noise)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 500_000,
        b'[{"a":' * 50_000,
        b"[1e999,-1e999]",
        b"[NaN]",
        b"[Infinity]",
        b"[" + b"9" * 100_000 + b"]",
        b"[[null,[[],[]]],]",
        b'["\\ud800',
        b"[[null,{}]]",
        b"[]",
        b"[[null,null]]",
        b"function(){return []}",
    ],
)
def test_data_that_nobody_sends(data: bytes) -> None:
    named = (
        b"<script>; var AF_dataServiceRequests = {'ds:4': {id:'lGYRle'}, 'ds:5' : {id:'Ws7gDc'}};</script>"
    )
    for table in (named, b""):
        for key in (b"ds:4", b"ds:5"):
            page = (
                table
                + b"<script>AF_initDataCallback({key: '%s', hash: '1', data:%s, sideChannel: {}});</script>"
            )
            for read in (first, lambda body: details(body, APP)):
                with pytest.raises(StoreFailed) as failed:
                    read(page % (key, data))
                assert failed.value.fault == "changed"


def test_a_block_within_a_block_is_text() -> None:
    """A developer's own words are no part of the page, whatever they look like."""
    fake = ">AF_initDataCallback({key: 'ds:5', hash: '1', data:[null,[null,null,[[\"Fake\"]]]], sideChannel: {}});"
    found = details(_page(DETAILS, title=fake, description=fake + "; var AF_dataServiceRequests = {}"), APP)
    assert found["title"].startswith(">AF_initDataCallback")


@pytest.mark.parametrize(
    "frames",
    [
        b"",
        b"[]",
        b'[["er",null,null,null,null,400,null,null,null,3]]',
        b'[["wrb.fr","qnKhOb",null,null,null,[3],"generic"]]',
        b'[["wrb.fr","qnKhOb",null,null,null,null,"generic"]]',
        b'[["wrb.fr","qnKhOb","not json",null,null,null,"generic"]]',
        b'[["wrb.fr","qnKhOb","{}",null,null,null,"generic"]]',
        b'[["wrb.fr","qnKhOb","[]",null,null,null,"generic"]]',
        b'[["wrb.fr","qnKhOb","[[[7]]]",null,null,null,"generic"]]',
        b'[["wrb.fr","qnKhOb","[[[[7]]]]",null,null,null,"generic"]]',
        b'[["wrb.fr","qnKhOb",7,null,null,null,"generic"]]',
        b'[["wrb.fr","another","[]",null,null,null,"generic"]]',
        b"[" * 1_000_000,
    ],
)
def test_further_results_that_cannot_be_read(frames: bytes) -> None:
    for answer in (b")]}'\n\n107\n" + frames, frames):
        with pytest.raises(StoreFailed) as failed:
            following(answer)
        assert failed.value.fault == "changed"


@pytest.mark.parametrize("frame", [b"null,null,null,[5]", b'"[[[]]]",null,null,null'])
def test_further_results_that_end(frame: bytes) -> None:
    page = following(b')]}\'\n\n[["wrb.fr","qnKhOb",' + frame + b',"generic"]]\n')
    assert (page.hits, page.token) == ([], None)
