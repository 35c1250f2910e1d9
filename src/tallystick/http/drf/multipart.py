"""Multipart forms (RFC 7578), as leniently as Django reads them: what is no part is passed over."""

import base64
import binascii
import contextlib
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Any, Final

_BOUNDARY: Final = re.compile(r"[ -~]{0,200}[!-~]")
_LONGEST_HEAD: Final = 1024


class BadForm(Exception):
    """The form cannot be read; the message says why, as Django does."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a form, by its name. Nobody here takes files: a field says so."""

    name: str

    def __str__(self) -> str:
        return self.name


def parts(
    content_type: str, boundary: str | None, body: bytes, charset: str, most: int
) -> Iterator[tuple[str, Any]]:
    """The fields with their text, then the files. Raises BadForm."""
    if not content_type.startswith("multipart/"):
        raise BadForm(f"Invalid Content-Type: {content_type}")
    if not content_type.isascii():
        raise BadForm(f"Invalid non-ASCII Content-Type in multipart: {content_type}")
    if not boundary or not _BOUNDARY.fullmatch(boundary):
        raise BadForm(f"Invalid boundary in multipart: {boundary}")
    pieces = body.split(b"--" + boundary.encode("ascii"))
    if len(pieces) > most + 2:
        raise BadForm(f"A form has at most {most} fields.")
    files = []
    for position, piece in enumerate(pieces):
        # the line break before a boundary belongs to it
        last = position == len(pieces) - 1
        found = _part(piece if last else piece.removesuffix(b"\n").removesuffix(b"\r"), charset)
        if found is None:
            continue
        if isinstance(found[1], Upload):
            files.append(found)
        else:
            yield found
    yield from files


def _part(piece: bytes, charset: str) -> tuple[str, Any] | None:
    end = piece.find(b"\r\n\r\n", 0, _LONGEST_HEAD)
    if end < 0:
        if len(piece) >= _LONGEST_HEAD:
            raise BadForm("Request max total header size exceeded.")
        return None
    headers = dict(filter(None, map(_header, piece[:end].split(b"\r\n"))))
    content = piece[end + 4 :]
    _, disposition = headers.get("content-disposition", ("", {}))
    name = disposition.get("name")
    if name is None:
        return None
    if disposition.get("filename"):
        file = _file_name(disposition["filename"])
        return (name.strip(), Upload(file)) if file else None
    if headers.get("content-transfer-encoding", ("", {}))[0].strip() == "base64":
        with contextlib.suppress(binascii.Error):  # what is no base64 is taken as it came
            content = base64.b64decode(content)
    return name.strip(), content.decode(charset, errors="replace")


def _header(line: bytes) -> tuple[str, tuple[str, dict[str, str]]] | None:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return None
    if not text:
        return None
    message = Message()
    message["content-type"] = text
    (first, _), *pairs = message.get_params([("", "")])
    name, colon, value = first.lower().partition(":")
    if not colon:
        return None
    return name, (value, {key: collapse_rfc2231_value(given) for key, given in pairs if key})


def _file_name(given: str) -> str:
    name = html.unescape(given).rsplit("/")[-1].rsplit("\\")[-1]
    name = "".join(mark for mark in name if mark.isprintable())
    return "" if name in (".", "..") else name
