"""Pages for people: where customers pay, and keep their ways to pay, subscription and invoices."""
