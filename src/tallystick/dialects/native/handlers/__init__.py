"""Handlers: parse, call, render. `ledger` and `batch` are on the hot path; the rest are FastAPI's."""
