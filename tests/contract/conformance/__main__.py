"""`python -m tests.contract.conformance --write CONTRACTS.md`, or `--check`."""

import argparse
import sys
from pathlib import Path

from .page import faults, page


def main() -> int:
    """Write the page, or say what is wrong with it: 1 when anything is."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract.conformance")
    act = parser.add_mutually_exclusive_group(required=True)
    act.add_argument("--write", type=Path, metavar="FILE")
    act.add_argument("--check", type=Path, metavar="FILE")
    asked = parser.parse_args()
    wrong, text = faults(), page()
    if asked.write is not None:
        asked.write.write_text(text)
    elif not asked.check.exists() or asked.check.read_text() != text:
        wrong.append(f"{asked.check} is stale: make generate")
    for line in wrong:
        sys.stderr.write(line + "\n")
    return 1 if wrong and asked.check is not None else 0


if __name__ == "__main__":
    sys.exit(main())
