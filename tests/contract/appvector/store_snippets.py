"""The snippets of the sections about app stores, as the document prints them."""

from typing import Final

ANDROID_SEARCH: Final = {
    "node": """\
const response = await fetch('http://localhost:8000/api/aso/android-search/', {
  method: 'POST',
  headers: {
    'Authorization': `Bearer ${accessToken}`,
    'Content-Type': 'application/json'
  },
  body: JSON.stringify({
    keyword: 'messaging',
    country: 'us',
    language: 'en'
  })
});

const data = await response.json();
console.log('Found apps:', data.results);
""",
    "python": """\
import requests

headers = {
    'Authorization': f'Bearer {access_token}',
    'Content-Type': 'application/json'
}

payload = {
    'keyword': 'messaging',
    'country': 'us',
    'language': 'en'
}

response = requests.post(
    'http://localhost:8000/api/aso/android-search/',
    headers=headers,
    json=payload
)

data = response.json()
print(f"Found {data['count']} apps")
""",
    "curl": """\
curl -X POST http://localhost:8000/api/aso/android-search/ \\
  -H "Authorization: Bearer ACCESS_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "keyword": "messaging",
    "country": "us",
    "language": "en"
  }'
""",
}
APPLE_SEARCH: Final = {
    "node": """\
const response = await fetch('http://localhost:8000/api/aso/apple-search/', {
  method: 'POST',
  headers: {
    'Authorization': `Bearer ${accessToken}`,
    'Content-Type': 'application/json'
  },
  body: JSON.stringify({
    keyword: 'messaging',
    country: 'us',
    language: 'en'
  })
});

const data = await response.json();
console.log('Found apps:', data.results);
""",
    "python": """\
import requests

headers = {
    'Authorization': f'Bearer {access_token}',
    'Content-Type': 'application/json'
}

payload = {
    'keyword': 'messaging',
    'country': 'us',
    'language': 'en'
}

response = requests.post(
    'http://localhost:8000/api/aso/apple-search/',
    headers=headers,
    json=payload
)

data = response.json()
print(f"Found {data['count']} apps")
""",
    "curl": """\
curl -X POST http://localhost:8000/api/aso/apple-search/ \\
  -H "Authorization: Bearer ACCESS_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "keyword": "messaging",
    "country": "us",
    "language": "en"
  }'
""",
}
