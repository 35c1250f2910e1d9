"""The examples of the documents as they were published, word for word: one file a contract.

Of what cannot be read as JSON there, only this is mended: elided parts (`...`, `{...}`, `[...]`) and comments are taken
out, and practice's two halves of one list are joined. account.txt has no examples. Where appvector.txt writes the word
``"uuid"`` for any UUID, `Shown.value` has one.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

UUID: Final = "0198f2f4-6a3b-7c41-9d5e-2f8a1b7c3d90"


class Shown(NamedTuple):
    """``where``: ``request``, or the status of the answer."""

    contract: str
    operation: str
    where: str
    text: str

    @property
    def value(self) -> Any:
        return json.loads(self.text.replace('"uuid"', f'"{UUID}"'))


def _read(file: Path) -> list[Shown]:
    found = []
    for block in file.read_text().split("== ")[1:]:
        head, _, text = block.partition("\n")
        operation, _, where = head.rpartition(" ")
        found.append(Shown(file.stem, operation, where, text.strip()))
    return found


@cache
def published() -> list[Shown]:
    """All of them, in the order of the documents."""
    return [one for file in sorted(Path(__file__).parent.glob("*.txt")) for one in _read(file)]


def example(contract: str, operation: str, where: str) -> str:
    """The one example of an operation's body or answer, as it was printed."""
    [found] = [one for one in published() if one[:3] == (contract, operation, where)]
    return found.text
