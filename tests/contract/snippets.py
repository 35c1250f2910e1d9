"""Running a document's own snippets, word for word, against a live server.

A snippet is a text as the document prints it. All that is put in its place is the base address (`DOCUMENTED`, unless
the caller says another) and placeholders in capitals (``ACCESS_TOKEN``); names that the snippet takes as given
(``accessToken``) are declared before it. Each runs as a program of its own.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

from tests.doubles.peer import NODE

DOCUMENTED: Final = "http://localhost:8000"
LANGUAGES: Final = ("python", "curl", "node")
_PATIENCE: Final = 60  # seconds
_PLACEHOLDER: Final = re.compile("[A-Z][A-Z0-9_]+")


def run_python(
    text: str, base: str, values: Mapping[str, str], show: str, *, documented: str = DOCUMENTED
) -> Any:
    """The value of the variable ``show`` after the snippet, as JSON says it."""
    given = [f"{name} = {value!r}" for name, value in _variables(values).items()]
    shown = f"import json, sys; sys.stdout.write('\\n' + json.dumps({show}))"
    return _last(
        _run([sys.executable, "-c", _program(given, _placed(text, base, values, documented), shown)])
    )


def run_node(
    text: str, base: str, values: Mapping[str, str], show: str, *, documented: str = DOCUMENTED
) -> Any:
    """The value of the variable ``show`` after the snippet, as JSON says it."""
    given = [f"const {name} = {json.dumps(value)};" for name, value in _variables(values).items()]
    shown = f"process.stdout.write('\\n' + JSON.stringify({show}));"
    program = _program(given, _placed(text, base, values, documented), shown)
    return _last(_run([NODE, "--input-type=module", "-e", program]))


def run_curl(text: str, base: str, values: Mapping[str, str], *, documented: str = DOCUMENTED) -> Any:
    """The JSON that the snippet printed."""
    return json.loads(_run(["sh", "-c", _placed(text, base, values, documented)]))


def run(
    language: str,
    text: str,
    base: str,
    values: Mapping[str, str],
    show: str,
    *,
    documented: str = DOCUMENTED,
) -> Any:
    """Run a snippet of one of `LANGUAGES`; curl has no variables and shows what it prints."""
    if language == "curl":
        return run_curl(text, base, values, documented=documented)
    program = run_python if language == "python" else run_node
    return program(text, base, values, show, documented=documented)


def _variables(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if not _PLACEHOLDER.fullmatch(name)}


def _placed(text: str, base: str, values: Mapping[str, str], documented: str) -> str:
    assert documented in text, "the snippet calls another address"
    text = text.replace(documented, base)
    for name in sorted(values, key=len, reverse=True):
        if _PLACEHOLDER.fullmatch(name):
            text = re.sub(rf"\b{name}\b", values[name].replace("\\", r"\\"), text)
    return text


def _program(given: list[str], text: str, shown: str) -> str:
    return "\n".join([*given, text, shown])


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _last(out: str) -> Any:
    return json.loads(out.splitlines()[-1])
