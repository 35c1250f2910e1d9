"""The oracle: Django REST framework and simplejwt themselves, with the views that a contract grew on, in process.

`ask` sends one request through Django's WSGI handler. There is no database: a token's user is whoever it names.
"""

import io
import json
import logging
from dataclasses import dataclass
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

KEY = "the oracle's own key, and nobody else's at all"

if not settings.configured:
    settings.configure(
        SECRET_KEY=KEY,
        ALLOWED_HOSTS=["*"],
        APPEND_SLASH=False,
        DATA_UPLOAD_MAX_MEMORY_SIZE=None,
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
        LOGGING_CONFIG=None,
        ROOT_URLCONF="tests.doubles.drf.views",
        REST_FRAMEWORK={"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]},
    )
    django.setup()

_NEWER_TEXTS = {
    "Token is invalid",
    "Token is expired",
    "Token has wrong type",
    "Token has no type",
    "Token has no id",
}
_handler = WSGIHandler()
logging.getLogger("django").setLevel(logging.CRITICAL)  # it would log each request that it refuses


@dataclass(frozen=True)
class Answer:
    """``body`` is what its JSON says, or its text when it is none."""

    status: int
    body: Any
    challenge: str | None = None


def ask(
    method: str,
    path: str,
    body: bytes = b"",
    content_type: str | None = None,
    authorization: str | None = None,
    query: str = "",
) -> Answer:
    """What the framework answers."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path.encode().decode("latin-1"),
        "SERVER_NAME": "oracle",
        "SERVER_PORT": "80",
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
    }
    if content_type is not None:
        environ["CONTENT_TYPE"] = content_type
    if authorization is not None:
        environ["HTTP_AUTHORIZATION"] = authorization
    said: list[tuple[str, list[tuple[str, str]]]] = []
    response = _handler(environ, lambda status, headers, exc_info=None: said.append((status, headers)))
    content = b"".join(response)
    response.close()
    [(status, headers)] = said
    return Answer(int(status[:3]), _read(content), dict(headers).get("WWW-Authenticate"))


def normal(answer: Answer) -> Answer:
    """As the contracts have it (decisions.md, Oracle): no ``messages``, and the one text of a refused token."""
    if not isinstance(answer.body, dict) or answer.body.get("code") != "token_not_valid":
        return answer
    said = {name: value for name, value in answer.body.items() if name != "messages"}
    if said["detail"] in _NEWER_TEXTS:
        said["detail"] = "Token is invalid or expired"
    return Answer(answer.status, said, answer.challenge)


def _read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode("utf-8", "replace")
