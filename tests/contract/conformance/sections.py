"""Where each contract's document, as it was published, tells of each operation: its headings, word for word."""

from collections.abc import Mapping
from typing import Final

OF_OURS: Final = "ours"
"""An operation that no published document has."""

SECTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "igny8": {
        "GET /v1/billing/credits/balance/balance/": "Credit Balance",
        "GET /v1/billing/transactions/": "Credit Transactions",
        "GET /v1/billing/credits/usage/": "Credit Usage Logs",
        "GET /v1/billing/invoices/": "Invoices",
        "GET /v1/billing/payments/": "Payments",
        "GET /v1/billing/payment-methods/": "Payment Methods",
        "GET /v1/billing/credit-packages/": "Credit Packages",
        "POST /v1/billing/credit-packages/{id}/purchase/": "PurchaseCreditsPage.tsx",
        "GET /v1/account/settings/": "Account Settings",
        "PATCH /v1/account/settings/": "Update Account Settings",
        "GET /v1/account/team/": "Team Members",
        "POST /v1/account/team/": "TeamManagementPage.tsx",
        "DELETE /v1/account/team/{id}/": "TeamManagementPage.tsx",
        "GET /v1/account/usage/analytics/": "Usage Analytics",
    },
    "practice": {
        "GET /api/credits/packages/": "1. List Available Credit Packages",
        "POST /api/credits/purchase/": "2. Purchase a package of credits",
        "GET /api/credits/balance/": "3. Check credit balance",
        "GET /api/credits/transactions/": "4. GET: /api/credits/transactions/",
        "GET /api/credits/receipts/{uuid}/": "2. Purchase a package of credits (receipt_url)",
    },
    "appvector": {
        "POST /api/auth/google/": "POST /api/auth/google/",
        "POST /api/token/refresh/": "POST /api/token/refresh/",
        "GET /api/me/": "GET /api/me/",
    },
    "credibill": {
        "POST /api/usage": "Record Usage Event",
        "POST /api/customers": "Create Customer",
        "GET /api/customers": "List Customers, Get Customer",
        "PATCH /api/customers": OF_OURS,
        "POST /api/subscriptions": "Create Subscription",
        "GET /api/subscriptions": "List Subscriptions, Get Subscription",
        "DELETE /api/subscriptions": "Cancel Subscription",
        "POST /api/plans": "Create Plan",
        "GET /api/plans": "List Plans",
        "PATCH /api/plans": "Update Plan",
        "DELETE /api/plans": "Delete Plan",
        "GET /api/invoices": "List Invoices, Get Invoice",
        "PATCH /api/invoices": "Update Invoice Status",
    },
    "account": {
        "GET /auth/account/usage": "Account Usage",
        "GET /auth/account/credits": "Credit Balance",
        "GET /auth/account/ledger": "Credit Ledger",
        "GET /auth/account/summary": "Account Summary",
    },
}
