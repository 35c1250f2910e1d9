-- Credits that are bought with a saved way to pay. Can run while serving.

-- ``request``: charged at once; when that comes to nothing, so does the invoice.
alter table purchase drop constraint purchase_cause_check;
alter table purchase add constraint purchase_cause_check check (cause in ('checkout', 'reload', 'request'));
