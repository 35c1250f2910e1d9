"""The test clock."""

from typing import Final

from tallystick.dialects.native.table import Cold

from . import handlers, shapes

# fmt: off
ROUTES: Final[list[Cold]] = [
    Cold("GET", "/v2/test-clock", handlers.read_test_clock, 200, shapes.TestClock, "Test clock"),
    Cold("POST", "/v2/test-clock/advance", handlers.advance_test_clock, 200, shapes.Advanced, "Test clock"),
]
# fmt: on
