"""Accept: which form of an answer is wanted (RFC 9110, section 12.5.1)."""

import pytest

from tallystick.http.accepting import preferred

JSON, PDF = "application/json", "application/pdf"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/html", JSON),
        (PDF, PDF),
        ("Application/PDF", PDF),
        ("application/pdf, */*", PDF),
        ("application/json, application/pdf", JSON),
        ("application/pdf, application/json", PDF),
        ("application/pdf;q=0", JSON),
        ("application/json;q=0.1, application/pdf", PDF),
        ("application/pdf;q=0.5, application/json;q=0.4", PDF),
        ("application/pdf ; q=0.4 , application/json; q=0.5", JSON),
        ("*/*;q=0.1, application/pdf;q=0.2", PDF),
        ("application/json;q=0, */*", PDF),
        ("application/pdf;q=2", JSON),
        ("application/pdf;q=nan", JSON),
        ("application/pdf;q=x, application/json;q=0.001", JSON),
        (",;,;q=1", JSON),
    ],
)
def test_what_is_wanted_most(accept: str, wanted: str) -> None:
    assert preferred(accept, (JSON, PDF)) == wanted
