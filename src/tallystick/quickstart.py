"""The first minute with a server: the commands that `serve` prints once, and the README shows."""

_STEPS = """\
export T={url} KEY={key}
post() {{ curl -sS -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' "$T/v2/$1" -d "$2"; echo; }}
post accounts '{{"external_id": "acme", "name": "Acme"}}'
post grants '{{"account": "ext:acme", "amount": 100, "source": "purchase"}}'
post debits '{{"account": "ext:acme", "amount": "2.5", "reference": "job-1"}}'
HOLD=$(post holds '{{"account": "ext:acme", "amount": 40, "expires_in": 300}}' | grep -o 'hold_[0-9a-z]*' | head -n 1)
post "holds/$HOLD/capture" '{{"amount": 12, "final": true}}'
curl -sS -H "Authorization: Bearer $KEY" "$T/v2/accounts/ext:acme/balance"; echo
"""


def steps(url: str, key: str) -> str:
    """Shell lines, to be pasted as they are: an account, a grant, a debit, a hold, its capture, the balance."""
    return _STEPS.format(url=url, key=key)
