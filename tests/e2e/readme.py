"""The README's shell lines, and a shell that runs them as printed."""

import re
import subprocess
from pathlib import Path

from .running import REPOSITORY


def paste(
    lines: str, folder: Path, environment: dict[str, str] | None = None, seconds: float = 60
) -> list[str]:
    """What a shell prints that stops at the first error."""
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail"],
        input=lines,
        capture_output=True,
        text=True,
        timeout=seconds,
        cwd=folder,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def readme_block(heading: str) -> str:
    """The first shell lines under a heading."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    _, _, after = readme.partition(f"\n## {heading}\n")
    block = re.search(r"```sh\n(.*?)```", after.partition("\n## ")[0], re.DOTALL)
    assert block, f"the README shows: {heading}"
    return block[1]
