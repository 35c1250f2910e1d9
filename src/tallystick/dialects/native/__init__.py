"""The native contract, /v2.

One request, `POST /v2/debits`: routes.py -> handlers/ledger.py `create_debit` -> commands.py `DEBIT` (body to
command) -> domain/ledger lanes -> answers.py `debit` (answer to bytes).
"""
