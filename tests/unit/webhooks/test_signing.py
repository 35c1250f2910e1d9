"""What is sent, held against the Standard Webhooks library."""

import base64
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tallystick.domain.identity.vault import Vault
from tallystick.domain.webhooks import signing
from tallystick.kernel.errors import Conflict
from tallystick.kernel.ids import typeid, uuid7

APP, EVENT = UUID(int=7), UUID(int=9)
AT = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes(range(32)))


def test_the_body() -> None:
    body = signing.body("invoice.paid", AT, '{"id":"inv_1","total":"9.00"}', APP)
    assert body == (
        b'{"event":"invoice.paid","data":{"id":"inv_1","total":"9.00"},"timestamp":"2026-11-21T10:00:00Z",'
        b'"app_id":"%s"}' % typeid("app", APP).encode()
    )


def test_signed_by_each_secret(vault: Vault) -> None:
    endpoint = uuid7()
    new, old, other = (signing.new_secret(vault, endpoint, None) for _ in range(3))
    signers = [signing.signer(vault, endpoint, signing.seal(vault, endpoint, one)) for one in (new, old)]
    body = signing.body("test.ping", AT, '{"name":"Zoë \\u0000"}', APP)
    headers = dict(signing.headers(EVENT, "test.ping", 3, body, signers, datetime.now(UTC)))
    for secret in (new, old):
        assert Webhook(secret).verify(body, headers) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body + b" ", headers)
    assert headers["webhook-id"] == typeid("evt", EVENT)
    assert (headers["x-webhook-event"], headers["x-delivery-attempt"]) == ("test.ping", "3")
    assert headers["content-type"] == "application/json"


def test_secrets(vault: Vault) -> None:
    endpoint = uuid7()
    assert signing.new_secret(vault, endpoint, None) != signing.new_secret(vault, endpoint, None)
    derived = signing.new_secret(vault, endpoint, "create\nk")
    assert derived == signing.new_secret(vault, endpoint, "create\nk")
    assert derived != signing.new_secret(vault, endpoint, "rotate\nk")
    assert derived != signing.new_secret(vault, uuid7(), "create\nk")
    assert derived != signing.new_secret(Vault(bytes(32)), endpoint, "create\nk")
    assert len(base64.b64decode(derived.removeprefix("whsec_"))) == 24
    with pytest.raises(Conflict):
        signing.signer(vault, uuid7(), signing.seal(vault, endpoint, derived))
