"""Ids: RFC 9562 version and variant, the spec's TypeIDs, and numbers that are read back."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.ids import (
    Inner,
    Kind,
    account_of,
    account_uuid,
    base32,
    inner_of,
    inner_uuid,
    owned_uuid,
    owner_of,
    parse_typeid,
    typeid,
    uuid7,
)

# typeid spec 0.3, spec/valid.yml
VECTORS = [
    ("00000000000000000000000000", "00000000-0000-0000-0000-000000000000"),
    ("00000000000000000000000001", "00000000-0000-0000-0000-000000000001"),
    ("0000000000000000000000000a", "00000000-0000-0000-0000-00000000000a"),
    ("0000000000000000000000000g", "00000000-0000-0000-0000-000000000010"),
    ("00000000000000000000000010", "00000000-0000-0000-0000-000000000020"),
    ("7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    ("0123456789abcdefghjkmnpqrs", "0110c853-1d09-52d8-d73e-1194e95b5f19"),
    ("01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"),
]


@pytest.mark.parametrize(("suffix", "uuid"), VECTORS)
def test_typeids_are_the_specs(suffix: str, uuid: str) -> None:
    assert base32(UUID(uuid).int) == suffix
    assert typeid("prefix", UUID(uuid)) == "prefix_" + suffix
    assert parse_typeid("prefix", "prefix_" + suffix) == UUID(uuid)


@given(st.uuids())
def test_typeids_round_trip(uuid: UUID) -> None:
    assert parse_typeid("acct", typeid("acct", uuid)) == uuid


@pytest.mark.parametrize(
    "text",
    [
        "",
        "acct",
        "acct_",
        "01h455vb4pex5vsknk084sn02q",
        "_01h455vb4pex5vsknk084sn02q",
        "user_01h455vb4pex5vsknk084sn02q",
        "ACCT_01h455vb4pex5vsknk084sn02q",
        "acct__01h455vb4pex5vsknk084sn02q",
        "acct_01H455VB4PEX5VSKNK084SN02Q",
        "acct_01h455vb4pex5vsknk084sn02",
        "acct_01h455vb4pex5vsknk084sn02qq",
        "acct_81h455vb4pex5vsknk084sn02q",  # more than 128 bits
        "acct_01h455vb4pex5vsknk084sn02l",
        "acct_01h455vb4pex5vsknk084sn02u",
        "acct_01h455vb4pex5vsknk084sn0-q",
        "acct_٠1h455vb4pex5vsknk084sn02q",
        "acct_/1h455vb4pex5vsknk084sn02q",
    ],
)
def test_what_is_not_a_typeid_of_that_prefix_is_none(text: str) -> None:
    assert parse_typeid("acct", text) is None


def test_uuid7_has_its_version_variant_and_time() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7()
    # within the second: the counter may run ahead of the clock when many are made at once
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= before + 1000


def test_uuid7_sorts_after_all_made_before_in_every_thread() -> None:
    def make(_: int) -> list[UUID]:
        return [uuid7() for _ in range(2_000)]

    with ThreadPoolExecutor(8) as pool:
        lists = list(pool.map(make, range(8)))
    for made in lists:
        assert made == sorted(made)
    everything = [uuid for made in lists for uuid in made]
    assert len({uuid.int >> 64 for uuid in everything}) == len(everything)
    assert uuid7() > max(everything)


@given(st.integers(0, 2**48 - 1))
def test_an_accounts_number_is_read_back(number: int) -> None:
    uuid = account_uuid(number)
    assert account_of(uuid) == number
    assert (uuid.version, uuid.variant) == (7, RFC_4122)


@given(st.integers(0, 2**48 - 1))
def test_what_an_account_owns_says_whose_it_is(number: int) -> None:
    made = [owned_uuid(number) for _ in range(3)]
    assert {owner_of(uuid) for uuid in made} == {number}
    assert made == sorted(set(made))
    assert account_of(made[0]) == number


@pytest.mark.parametrize("number", [-1, 2**48])
def test_a_number_that_does_not_fit_is_refused(number: int) -> None:
    with pytest.raises(AssertionError):
        owned_uuid(number)


@given(st.integers(0, 2**48 - 1), st.sampled_from(Kind), st.integers(0, 2**62 - 1))
def test_an_inner_id_is_read_back(account: int, kind: Kind, number: int) -> None:
    uuid = inner_uuid(account, kind, number)
    assert inner_of(uuid) == Inner(account, kind, number)
    assert (uuid.version, uuid.variant) == (8, RFC_4122)


@given(st.uuids(version=4) | st.builds(uuid7) | st.integers(0, 2**48 - 1).map(account_uuid))
def test_other_uuids_are_not_inner_ids(uuid: UUID) -> None:
    assert inner_of(uuid) is None


@given(st.uuids())
def test_whatever_is_read_as_an_inner_id_is_one(uuid: UUID) -> None:
    inner = inner_of(uuid)
    assert inner is None or inner_uuid(*inner) == uuid


@pytest.mark.parametrize("kind", [0, 4, 0xFFF])
def test_an_unknown_kind_is_not_an_inner_id(kind: int) -> None:
    assert inner_of(UUID(int=inner_uuid(1, Kind.HOLD, 1).int ^ (2 ^ kind) << 64)) is None
