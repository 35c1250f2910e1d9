"""The short name of an account is made of its name, whatever that is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.dialects.igny8.slugs import slug_of


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("My Account", "my-account"),
        ("  Müller & Söhne, Inc. ", "muller-sohne-inc"),
        ("Crème -- Brûlée__2", "creme-brulee__2"),
        ("Ünïcødé ＡＢＣ", "unicøde-abc"),
        ("Пример 例え", "пример-例え"),
        ("-_a_-", "a"),
        ("!?", ""),
        ("", ""),
    ],
)
def test_examples(name: str, slug: str) -> None:
    assert slug_of(name) == slug


@given(st.text(max_size=300))
def test_it_fits_an_address_and_stays(name: str) -> None:
    slug = slug_of(name)
    assert re.fullmatch(r"[\w-]*", slug)
    assert slug == slug.strip("-_")
    assert slug_of(slug) == slug
