"""The practice contract without credentials: only where the operator says so, and then it is said at the start."""

import httpx2

from .running import Home


def test_open_mode_is_said_at_the_start(home: Home) -> None:
    home.environment["TALLYSTICK_PRACTICE_OPEN"] = "1"
    serving = home.serve()
    assert "OPEN TO ANYBODY" in serving.err
    answer = httpx2.get(f"{serving.address}/api/credits/packages/", timeout=30)
    assert (answer.status_code, answer.json()) == (200, {"packages": []})
