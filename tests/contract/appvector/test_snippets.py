"""The document's own snippets, word for word but for the base address and the tokens."""

from typing import Any

import pytest

from tests.contract import snippets
from tests.contract.served import House
from tests.doubles.google import GoogleDouble

GOOGLE = {
    "node": """\
const response = await fetch('http://localhost:8000/api/auth/google/', {
  method: 'POST',
  headers: {
    'Content-Type': 'application/json',
  },
  body: JSON.stringify({
    access_token: googleToken
  })
});

const data = await response.json();
console.log('JWT tokens:', data);
""",
    "python": """\
import requests

response = requests.post(
    'http://localhost:8000/api/auth/google/',
    json={'access_token': google_token}
)

data = response.json()
print('JWT tokens:', data)
""",
    "curl": """\
curl -X POST http://localhost:8000/api/auth/google/ \\
  -H "Content-Type: application/json" \\
  -d '{"access_token":"GOOGLE_OAUTH_TOKEN"}'
""",
}
REFRESH = {
    "node": """\
const response = await fetch('http://localhost:8000/api/token/refresh/', {
  method: 'POST',
  headers: {
    'Content-Type': 'application/json',
  },
  body: JSON.stringify({
    refresh: refreshToken
  })
});

const data = await response.json();
console.log('New access token:', data.access);
""",
    "python": """\
import requests

response = requests.post(
    'http://localhost:8000/api/token/refresh/',
    json={'refresh': refresh_token}
)

data = response.json()
print('New access token:', data['access'])
""",
    "curl": """\
curl -X POST http://localhost:8000/api/token/refresh/ \\
  -H "Content-Type: application/json" \\
  -d '{"refresh":"REFRESH_TOKEN"}'
""",
}
ME = {
    "node": """\
const response = await fetch('http://localhost:8000/api/me/', {
  headers: {
    'Authorization': `Bearer ${accessToken}`
  }
});

const profile = await response.json();
console.log('User profile:', profile);
""",
    "python": """\
import requests

headers = {'Authorization': f'Bearer {access_token}'}
response = requests.get(
    'http://localhost:8000/api/me/',
    headers=headers
)

profile = response.json()
print('User profile:', profile)
""",
    "curl": """\
curl http://localhost:8000/api/me/ \\
  -H "Authorization: Bearer ACCESS_TOKEN"
""",
}


@pytest.mark.holds("appvector", "POST /api/auth/google/", "POST /api/token/refresh/", "GET /api/me/")
@pytest.mark.parametrize("language", snippets.LANGUAGES)
def test_from_signing_in_to_the_profile(house: House, google: GoogleDouble, language: str) -> None:
    token = google.token()
    given = {"googleToken": token, "google_token": token, "GOOGLE_OAUTH_TOKEN": token}
    signed: dict[str, Any] = snippets.run(language, GOOGLE[language], house.url, given, "data")
    assert signed["user"]["email"] == "ann@acme.example"

    refresh = signed["refresh"]
    given = {"refreshToken": refresh, "refresh_token": refresh, "REFRESH_TOKEN": refresh}
    fresh = snippets.run(language, REFRESH[language], house.url, given, "data")
    assert list(fresh) == ["access"]

    access = fresh["access"]
    given = {"accessToken": access, "access_token": access, "ACCESS_TOKEN": access}
    profile = snippets.run(language, ME[language], house.url, given, "profile")
    assert {name: profile[name] for name in signed["user"]} == signed["user"]
    assert profile["date_joined"].endswith("Z")
