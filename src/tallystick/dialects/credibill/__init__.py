"""The CrediBill contract: customers, plans, subscriptions, usage and invoices, spoken to by API keys."""
