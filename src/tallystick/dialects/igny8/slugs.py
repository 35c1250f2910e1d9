"""The short name of an account for addresses, made of its name. Pure."""

import re
import unicodedata
from typing import Final

_OTHER: Final = re.compile(r"[^\w\s-]")
_GAPS: Final = re.compile(r"[-\s]+")


def slug_of(name: str) -> str:
    """The name in lower case, with hyphens for spaces and without signs: "My Account" is my-account.

    Letters of every script stay as they are; accents and other marks of Latin letters go. Empty for a name of signs.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", name).translate(_MARKS))
    return _GAPS.sub("-", _OTHER.sub("", plain.lower())).strip("-_")


_MARKS: Final = dict.fromkeys(range(0x300, 0x370))
