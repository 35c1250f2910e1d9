"""Invoices, credit notes, tax rates and the seller's settings."""

from typing import Final

from tallystick.dialects.native.table import Cold

from . import books, handlers, seller, shapes, standing

_T: Final = "Invoices"

# fmt: off
ROUTES: Final[list[Cold]] = [
    Cold("GET", "/v2/invoices", handlers.list_invoices, 200, shapes.Invoice, _T, listed=True),
    Cold("POST", "/v2/invoices", handlers.create_invoice, 201, shapes.Invoice, _T),
    Cold("GET", "/v2/invoices/{invoice}", handlers.read_invoice, 200, shapes.Invoice, _T),
    Cold("PATCH", "/v2/invoices/{invoice}", handlers.patch_invoice, 200, shapes.Invoice, _T),
    Cold("DELETE", "/v2/invoices/{invoice}", handlers.delete_invoice, 200, shapes.DeletedInvoice, _T),
    Cold("POST", "/v2/invoices/{invoice}/finalize", handlers.finalize_invoice, 200, shapes.Invoice, _T),
    Cold("POST", "/v2/invoices/{invoice}/pay", handlers.pay_invoice, 200, shapes.Invoice, _T),
    Cold("POST", "/v2/invoices/{invoice}/void", handlers.void_invoice, 200, shapes.Invoice, _T),
    Cold("POST", "/v2/invoices/{invoice}/uncollectible", handlers.mark_invoice_uncollectible, 200, shapes.Invoice, _T),
    Cold("GET", "/v2/invoices/{invoice}/pdf", handlers.read_invoice_pdf, 200, bytes, _T),
    Cold("POST", "/v2/invoices/{invoice}/credit-notes", books.create_credit_note, 201, shapes.CreditNote, _T),
    Cold("GET", "/v2/invoices/{invoice}/credit-notes", books.list_invoice_credit_notes, 200, shapes.CreditNote, _T,
         listed=True),
    Cold("GET", "/v2/credit-notes", books.list_credit_notes, 200, shapes.CreditNote, _T, listed=True),
    Cold("GET", "/v2/credit-notes/{credit_note}", books.read_credit_note, 200, shapes.CreditNote, _T),
    Cold("GET", "/v2/credit-notes/{credit_note}/pdf", books.read_credit_note_pdf, 200, bytes, _T),
    Cold("GET", "/v2/accounts/{account}/credit-balance", books.read_credit_balance, 200, standing.CreditBalance, _T),
    Cold("POST", "/v2/accounts/{account}/credit-balance", books.adjust_credit_balance, 201, standing.CreditChange, _T),
    Cold("GET", "/v2/accounts/{account}/credit-balance/changes", books.list_credit_changes, 200, standing.CreditChange,
         _T, listed=True),

    Cold("GET", "/v2/tax-rates", seller.list_tax_rates, 200, standing.TaxRate, _T, listed=True),
    Cold("POST", "/v2/tax-rates", seller.create_tax_rate, 201, standing.TaxRate, _T),
    Cold("GET", "/v2/tax-rates/{tax_rate}", seller.read_tax_rate, 200, standing.TaxRate, _T),
    Cold("PATCH", "/v2/tax-rates/{tax_rate}", seller.patch_tax_rate, 200, standing.TaxRate, _T),
    Cold("GET", "/v2/billing-settings", seller.read_billing_settings, 200, standing.BillingSettings, _T),
    Cold("PUT", "/v2/billing-settings", seller.put_billing_settings, 200, standing.BillingSettings, _T),
]
# fmt: on
