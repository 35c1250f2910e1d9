"""Stripe's form bodies: ``a[b][0][c]=1`` is ``{"a": {"b": [{"c": "1"}]}}``."""

import itertools
import re
from typing import Any
from urllib.parse import parse_qsl

_PART = re.compile(r"\[([^\]]*)\]")


def read(text: str) -> dict[str, Any]:
    """The fields of a body or a query, nested; values stay texts."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        head = name.partition("[")[0]
        path = [head, *_PART.findall(name[len(head) :])]
        here = root
        for key, following in itertools.pairwise(path):
            here = here.setdefault(key, {})
            if following == "":
                break
        last = path[-1] or str(len(here))
        here[last] = value
    return {key: _lists(value) for key, value in root.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _lists(one) for key, one in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner
