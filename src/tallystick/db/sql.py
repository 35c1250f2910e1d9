"""Named queries: SQL stands in ``queries.sql`` beside its domain, each under a ``-- name:`` line.

-- name: lock_heads
-- Locks ... (a comment that says the promise)
select ...
"""

import re
from importlib.resources import files
from typing import Final

_NAME: Final = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


class Queries:
    """The queries of one file as attributes, each the text of one statement.

    Static by construction: what a caller can name was in the file, and values go as parameters.
    """

    def __init__(self, package: str, filename: str = "queries.sql") -> None:
        """Load ``filename`` of ``package``. Raises ValueError when a name stands twice."""
        text = files(package).joinpath(filename).read_text(encoding="utf-8")
        parts = _NAME.split(text)
        self._texts: dict[str, str] = {}
        for name, body in zip(parts[1::2], parts[2::2], strict=True):
            if name in self._texts:
                raise ValueError(f"{package}/{filename}: {name} stands twice")
            self._texts[name] = body.strip().rstrip(";")

    def __getattr__(self, name: str) -> str:
        try:
            return self._texts[name]
        except KeyError:
            raise AttributeError(f"no query named {name}") from None

    def names(self) -> list[str]:
        return list(self._texts)
