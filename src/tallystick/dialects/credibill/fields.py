"""The checks of single values that msgspec does not make."""

from typing import Any

from tallystick.http.strict import check_metadata
from tallystick.kernel.errors import Invalid


def metadata(value: dict[str, Any] | None) -> dict[str, Any]:
    """Give the metadata, by default empty. Raises Invalid."""
    try:
        return check_metadata(value or {})
    except ValueError as error:
        raise Invalid("metadata", str(error)) from None
