"""The texts of e-mail: a template for each kind, whose first line is the subject. Pure."""

import re
from collections.abc import Mapping
from email.headerregistry import Address
from functools import cache
from typing import Any, Final

import jinja2

_FOLDER: Final = "templates"
_GAPS: Final = re.compile(r"\n{3,}")


def write(kind: str, values: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and body of a message. Raises jinja2.UndefinedError when a value that the template says is missing."""
    subject, _, body = _templates().get_template(f"{kind}.txt").render(values).partition("\n")
    return _line(subject), _GAPS.sub("\n\n", body.strip()) + "\n"


def sender(name: str, address: str) -> str:
    """From whom a message comes, ``Acme <billing@acme.example>``; empty without an address."""
    user, _, domain = address.rpartition("@")
    return str(Address(_line(name), user, domain)) if address else ""


def _line(text: str) -> str:
    """A text as one line that a header may carry: without what no one sees, such as the joints of an emoji."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("tallystick.domain.mail", _FOLDER),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text
        trim_blocks=True,
        lstrip_blocks=True,
    )
