"""/healthz, /readyz, /metrics, /docs, and addresses that are not there"""

import pytest

from tallystick import app
from tests.contract.served import Api, problem


def test_health(nobody: Api) -> None:
    assert nobody.get("/healthz").json() == {"status": "ok"}
    assert nobody.get("/readyz").json() == {"status": "ready"}


def test_metrics(api: Api) -> None:
    api.debit(api.funded(5))
    text = api.get("/metrics").text
    assert 'tallystick_requests_total{dialect="native",method="POST",route="/v2/debits",status="2xx"}' in text
    assert 'route="/v2/accounts"' in text
    assert "tallystick_lane_depth 0.0" in text
    assert "process_cpu_seconds_total" in text
    assert "acct_" not in text


def test_docs(nobody: Api) -> None:
    page = nobody.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "://" not in page.text
    assert nobody.get("/docs/").content == page.content
    start = nobody.get("/docs/start.js").text
    assert "withDefaultFonts: false" in start
    without_script = page.text.partition("<noscript>")[2].partition("</noscript>")[0]
    listed = {one.path for one in app.endpoints()}
    for title, document in (
        ("Tallystick API (native)", "/v2/openapi.json"),
        ("CrediBill contract", "/api/usage/openapi.yaml"),
        ("Account contract", "/auth/account/openapi.yaml"),
    ):
        assert f'title: "{title}", url: "{document}"' in start
        assert f'<a href="{document}">{title}</a>' in without_script
        assert document in listed
    script = nobody.get("/docs/scalar.js")
    assert script.headers["content-encoding"] == "gzip"
    assert "@scalar/api-reference" in script.text[:1000]
    document = nobody.get("/v2/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    served = {(one.method, one.path) for one in app.endpoints() if one.path.startswith("/v2")}
    served.remove(("GET", "/v2/openapi.json"))
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == served


@pytest.mark.parametrize("path", ["/v2", "/v2/", "/v2/nope", "/v20/debits", "/v2/debits/", "/docs/x", "/%00"])
def test_nothing_there(nobody: Api, path: str) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        problem(nobody.send(method, path), 404, "not_found")
    assert nobody.http.head(path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v2/debits", "OPTIONS, POST"),
        ("DELETE", "/v2/accounts/x", "GET, HEAD, OPTIONS, PATCH"),
        ("PUT", "/v2/accounts", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/v2/accounts/x/balance", "GET, HEAD, OPTIONS"),
        ("POST", "/healthz", "GET, HEAD, OPTIONS"),
        ("DELETE", "/docs", "GET, HEAD, OPTIONS"),
    ],
)
def test_methods(nobody: Api, method: str, path: str, allow: str) -> None:
    refused = nobody.send(method, path)
    problem(refused, 405, "method_not_allowed")
    assert refused.headers["allow"] == allow
    asked = nobody.send("OPTIONS", path)
    assert (asked.status_code, asked.headers["allow"], asked.content) == (204, allow, b"")


def test_endpoints_without_a_database() -> None:
    listed = app.endpoints()
    assert [one for one in listed if (one.method, one.path) == ("POST", "/v2/debits")]
    for one in listed:
        assert one.source.startswith("src/tallystick/")
        assert one.summary
    assert "/v2/debits" in app.endpoint_lines("debits")[0]


def test_the_root_leads_to_the_documentation(nobody: Api) -> None:
    answer = nobody.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")
