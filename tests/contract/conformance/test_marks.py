"""Reading which operations a file's tests hold, without running it."""

import pytest

from .marks import Held, marks_in

SOURCE = """
import pytest

PATH = "/v1/things/"
ONE = f"{PATH}{{id}}/"
pytestmark = [pytest.mark.anyio, pytest.mark.holds("igny8", f"GET {PATH}", f"DELETE {ONE}")]


class TestIt:
    @pytest.mark.holds("native", "GET /v2/things")
    def test_it(self) -> None: ...


@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.holds("native", "POST /v2/things"))])
def test_that(x: int) -> None: ...
"""


def test_marks_of_files_classes_tests_and_parameters() -> None:
    assert set(marks_in(SOURCE, "test_it.py")) == {
        Held("igny8", "GET /v1/things/"),
        Held("igny8", "DELETE /v1/things/{id}/"),
        Held("native", "GET /v2/things"),
        Held("native", "POST /v2/things"),
    }


@pytest.mark.parametrize("said", ['"igny8"', "", '"igny8", path()', '"igny8", OTHER', '*["igny8", "GET /"]'])
def test_marks_that_only_a_run_could_tell_are_refused(said: str) -> None:
    with pytest.raises(ValueError, match=r"test_it\.py:1"):
        list(marks_in(f"pytestmark = pytest.mark.holds({said})", "test_it.py"))
