"""The stage of this contract's tests, which is that of the account contract, and a server for those with a shop."""

import os
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.contract.account.conftest import Stage, TimedStage, stage, timed
from tests.contract.served import House, housed

__all__ = ["Stage", "TimedStage", "error", "house", "stage", "timed"]


@pytest.fixture(scope="package")
def house(server: Any, template: str) -> Iterator[House]:
    """One server for all tests that have a shop of their own in it."""
    with housed(server, template, f"tallystick_igny8_{os.getpid()}") as house:
        yield house


def error(
    answer: httpx2.Response, status: int, said: str, errors: dict[str, list[str]] | None = None
) -> None:
    """A refused request has this status, and exactly the contract's body."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert len(body.pop("request_id")) == 32
    expected = {"success": False, "error": said}
    assert body == (expected if errors is None else expected | {"errors": errors})
