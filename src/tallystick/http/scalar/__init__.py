"""The API reference at /docs: Scalar's own bundle, served by us, fetching nothing from outside.

``standalone.js`` is dist/browser/standalone.js of @scalar/api-reference 1.46.4 (npm), unchanged; MIT, see LICENSE.
"""

import gzip
from functools import cache
from importlib.resources import files
from typing import Final

from tallystick.http.hot import Headers, Reply

VERSION: Final = "1.46.4"

# The page may load from us alone; Scalar writes its styles into the page, and draws icons from data: URLs.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_GUARD: Final[Headers] = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tallystick API</title>
</head>
<body>
<div id="reference"></div>
<noscript>
<p>The reference needs JavaScript. These are the OpenAPI documents that it shows:</p>
<ul>
%s
</ul>
</noscript>
<script src="/docs/scalar.js"></script>
<script src="%s/start.js"></script>
</body>
</html>
"""

_START: Final = """Scalar.createApiReference("#reference", {
  sources: %s,
  withDefaultFonts: false,
  telemetry: false,
  proxyUrl: "",
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: "never",
});
"""


def pages(sources: list[tuple[str, str]], *, at: str = "/docs", first: str | None = None) -> dict[str, Reply]:
    """Show the API reference.

    The replies by path, ``at`` an address and below it; ``sources`` are the titles and addresses of OpenAPI documents.
    The one at the address ``first`` is shown before another is chosen.
    """
    listed = ", ".join(_source(title, url, first) for title, url in sources)
    links = "\n".join(f'<li><a href="{url}">{title}</a></li>' for title, url in sources)
    script = (_START % f"[{listed}]").encode()
    page = Reply(200, (_PAGE % (links, at)).encode(), _GUARD, b"text/html; charset=utf-8")
    return {
        at: page,
        f"{at}/": page,
        f"{at}/start.js": Reply(200, script, _GUARD, b"text/javascript; charset=utf-8"),
    }


def _source(title: str, url: str, first: str | None) -> str:
    chosen = ", default: true" if url == first else ""
    return f'{{ title: "{title}", url: "{url}"{chosen} }}'


@cache
def bundle() -> Reply:
    """Scalar itself, 3.6 MB, a third of it as it is sent: every browser reads gzip."""
    packed = gzip.compress(files(__package__).joinpath("standalone.js").read_bytes(), 6, mtime=0)
    headers = (*_GUARD, (b"content-encoding", b"gzip"), (b"cache-control", b"public, max-age=86400"))
    return Reply(200, packed, headers, b"text/javascript; charset=utf-8")
