"""What of a store's values can be kept and shown. Nothing here raises: what is not of the kind asked for is None."""

import re
from typing import Any, Final

from tallystick.domain.appstores.model import LONGEST

LINE: Final = 500
"""Characters of a text of one line."""
ADDRESS: Final = 2048
"""Characters of an address."""

_MOST_WHOLE: Final = 2**63 - 1
_BEST: Final = 5
# what no line shows and PostgreSQL takes not all of: controls, and halves of characters
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNFIT_IN_LINES: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_ADDRESS: Final = re.compile(r"https?://[^\s\"<>\\^`{|}]+")


def line(value: Any, longest: int = LINE) -> str | None:
    """A text of one line, with something in it."""
    if not isinstance(value, str):
        return None
    return " ".join(_UNFIT.sub(" ", value[: 8 * longest]).split())[:longest].strip() or None


def lines(value: Any) -> str | None:
    """A text of several lines, with something in it."""
    if not isinstance(value, str):
        return None
    kept = _UNFIT_IN_LINES.sub(" ", value[: 2 * LONGEST].replace("\r\n", "\n"))
    return kept[:LONGEST].strip() or None


def address(value: Any, *schemes: str) -> str | None:
    """An address on the web, of https unless other schemes are named. It is shown, and never fetched."""
    if not isinstance(value, str) or len(value) > ADDRESS or _ADDRESS.fullmatch(value) is None:
        return None
    return value if value.partition(":")[0] in (schemes or ("https",)) and not _UNFIT.search(value) else None


def whole(value: Any) -> int | None:
    """A whole number from 0 on."""
    return value if type(value) is int and 0 <= value <= _MOST_WHOLE else None


def score(value: Any) -> float | None:
    """0 to 5 stars, to a hundredth."""
    # not a number is in no order with others
    return round(value, 2) if type(value) in (int, float) and 0 <= value <= _BEST else None
