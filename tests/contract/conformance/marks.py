"""Which tests hold which operation: their ``holds`` marks, read without importing the tests."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[3]


class Held(NamedTuple):
    contract: str
    operation: str
    """``GET /v1/billing/invoices/``, as the document writes the path."""


def held(tests: Path = REPOSITORY / "tests") -> Mapping[Held, list[str]]:
    """The files (from the repository, in order) that hold an operation. Raises ValueError for an unclear mark."""
    found: defaultdict[Held, list[str]] = defaultdict(list)
    for file in sorted(tests.rglob("test_*.py")):
        name = file.relative_to(REPOSITORY).as_posix()
        for one in dict.fromkeys(marks_in(file.read_text(), name)):
            found[one].append(name)
    return found


def marks_in(source: str, name: str) -> Iterator[Held]:
    """Of the whole file (``pytestmark``), of classes, tests and parameters."""
    if "holds" not in source:
        return
    tree = ast.parse(source)
    texts: dict[str, str] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            text = _text(statement.value, texts)
            if text is not None:
                texts[statement.targets[0].id] = text
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.holds"):
            words = [_text(one, texts) for one in node.args]
            if len(words) < 2 or not all(isinstance(word, str) for word in words):
                raise ValueError(f"{name}:{node.lineno}: holds takes literals, or constants of the file")
            contract, *operations = map(str, words)
            yield from (Held(contract, operation) for operation in operations)


def _text(node: ast.expr, known: Mapping[str, str]) -> str | None:
    """What a literal, a name or an f-string of those says; None where that is not known without running it."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return known.get(name)
        case ast.FormattedValue(value=inner):
            return _text(inner, known)
        case ast.JoinedStr(values=parts):
            found = [_text(part, known) for part in parts]
            return None if None in found else "".join(map(str, found))
    return None
