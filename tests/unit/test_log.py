"""What the program says on standard error."""

from collections.abc import Iterator

import pytest
import structlog

from tallystick.terminal import configure_log


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_debug_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log()
    log = structlog.get_logger()
    log.debug("job done")
    log.info("a step was taken", count=1)
    said = capsys.readouterr()
    assert "job done" not in said.err + said.out
    assert "a step was taken" in said.err
