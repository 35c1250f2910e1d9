-- Every statement of invoicing. Rows of an account are read by the account's number, whose tenant was checked, or
-- with the tenant beside it.

-- Settings and tax rates --------------------------------------------------------------------------------

-- name: settings
select seller, invoice_pattern, credit_note_pattern, days_until_due, grace_seconds, end_unpaid_after_days,
       locale, time_zone, footer
from billing_settings
where tenant_id = %(tenant)s;

-- name: put_settings
insert into billing_settings (tenant_id, seller, invoice_pattern, credit_note_pattern, days_until_due, grace_seconds,
                              end_unpaid_after_days, locale, time_zone, footer, updated_at)
values (%(tenant)s, %(seller)s::json, %(invoice_pattern)s, %(credit_note_pattern)s, %(days_until_due)s,
        %(grace_seconds)s, %(end_unpaid_after_days)s, %(locale)s, %(time_zone)s, %(footer)s, %(now)s)
on conflict (tenant_id) do update
set seller = excluded.seller, invoice_pattern = excluded.invoice_pattern,
    credit_note_pattern = excluded.credit_note_pattern, days_until_due = excluded.days_until_due,
    grace_seconds = excluded.grace_seconds, end_unpaid_after_days = excluded.end_unpaid_after_days,
    locale = excluded.locale, time_zone = excluded.time_zone, footer = excluded.footer,
    updated_at = excluded.updated_at;

-- name: tax_rates
-- In the order in which they were made, which is that of an invoice's taxes.
select id, tenant_id as tenant, name, rate, inclusive, country, region, standard, active, created_at, updated_at
from tax_rate
where tenant_id = %(tenant)s
order by id;

-- name: lock_tenant
-- Changes of rates wait for each other: there is at most one standard.
select 1 from tenant where id = %(tenant)s for no key update;

-- name: unset_standard
update tax_rate set standard = false, updated_at = %(now)s
where tenant_id = %(tenant)s and standard and id <> %(id)s;

-- name: insert_tax_rate
insert into tax_rate (tenant_id, id, name, rate, inclusive, country, region, standard, active, created_at, updated_at)
values (%(tenant)s, %(id)s, %(name)s, %(rate)s, %(inclusive)s, %(country)s, %(region)s, %(standard)s, %(active)s,
        %(now)s, %(now)s);

-- name: update_tax_rate
update tax_rate
set name = %(name)s, standard = %(standard)s, active = %(active)s, updated_at = %(now)s
where tenant_id = %(tenant)s and id = %(id)s;

-- Numbers -----------------------------------------------------------------------------------------------

-- name: lock_numbers
-- One tenant's numbers of a kind are given by one transaction at a time.
insert into tenant_counter (tenant_id, name, value) values (%(tenant)s, %(kind)s, %(count)s)
on conflict (tenant_id, name) do update set value = tenant_counter.value + excluded.value;

-- name: last_of_scope
select value from invoice_counter where tenant_id = %(tenant)s and kind = %(kind)s and scope = %(scope)s;

-- name: taken_invoice
select number from invoice where tenant_id = %(tenant)s and number = any(%(numbers)s);

-- name: taken_credit_note
select number from credit_note where tenant_id = %(tenant)s and number = any(%(numbers)s);

-- name: number_invoice
with counted as (
    insert into invoice_counter (tenant_id, kind, scope, value) values (%(tenant)s, 'invoice', %(scope)s, %(last)s)
    on conflict (tenant_id, kind, scope) do update set value = excluded.value
)
update invoice i set number = n.number, scope = %(scope)s, seq = n.seq
from unnest(%(accounts)s, %(ids)s, %(numbers)s, %(seqs)s) as n (account_id, id, number, seq)
where i.account_id = n.account_id and i.id = n.id and i.tenant_id = %(tenant)s
returning i.id, i.status, i.credited, i.amount_due, i.amount_paid, i.paid_at, i.voided_at, i.updated_at;

-- name: number_credit_note
with counted as (
    insert into invoice_counter (tenant_id, kind, scope, value)
    values (%(tenant)s, 'credit_note', %(scope)s, %(last)s)
    on conflict (tenant_id, kind, scope) do update set value = excluded.value
)
update credit_note c set number = n.number, scope = %(scope)s, seq = n.seq
from unnest(%(accounts)s, %(ids)s, %(numbers)s, %(seqs)s) as n (account_id, id, number, seq)
where c.account_id = n.account_id and c.id = n.id and c.tenant_id = %(tenant)s;

-- Invoices ----------------------------------------------------------------------------------------------

-- name: insert_invoice
with made as (
    insert into invoice (account_id, id, tenant_id, status, currency, subscription_id, reason, subtotal, tax, carried,
                         total, credit_applied, amount_due, period_start, period_end, issued_at, due_at, paid_at,
                         seller, buyer, taxes, memo, metadata, created_at, updated_at, remind_at, collect_at)
    values (%(account)s, %(id)s, %(tenant)s, %(status)s, %(currency)s, %(subscription)s, %(reason)s, %(subtotal)s,
            %(tax)s, %(carried)s, %(total)s, %(credit_applied)s, %(amount_due)s, %(period_start)s, %(period_end)s,
            %(issued_at)s, %(due_at)s, %(paid_at)s, %(seller)s::json, %(buyer)s::json, %(taxes)s::json, %(memo)s,
            %(metadata)s::json, %(created_at)s, %(created_at)s,
            -- the collector looks first when it is issued (see collecting.py)
            case when %(status)s = 'open' and %(subscription)s::uuid is not null then %(issued_at)s::timestamptz end,
            case when %(status)s = 'open' and %(subscription)s::uuid is not null
                      and exists (select from collected_account where account_id = %(account)s)
                 then %(issued_at)s::timestamptz end)
    returning account_id, id, place
), lines as (
    insert into invoice_line (account_id, invoice_id, position, kind, description, quantity, unit_price, amount, net,
                              tax, taxes, component, period_start, period_end, details)
    select made.account_id, made.id, l.position, l.kind, l.description, l.quantity, l.unit_price, l.amount, l.net,
           l.tax, l.taxes, l.component, l.period_start, l.period_end, l.details
    from made, json_to_recordset(%(lines)s::json) as l (
        position int, kind text, description text, quantity bigint, unit_price bigint, amount bigint, net bigint,
        tax bigint, taxes json, component text, period_start timestamptz, period_end timestamptz, details json)
)
select place from made;

-- name: rewrite_invoice
-- A draft anew, as a draft or issued. Its lines were taken away before, by a statement of their own.
with made as (
    update invoice
    set status = %(status)s, currency = %(currency)s, subtotal = %(subtotal)s, tax = %(tax)s, carried = %(carried)s,
        total = %(total)s, credit_applied = %(credit_applied)s, amount_due = %(amount_due)s,
        period_start = %(period_start)s, period_end = %(period_end)s, issued_at = %(issued_at)s, due_at = %(due_at)s,
        paid_at = %(paid_at)s, seller = %(seller)s::json, buyer = %(buyer)s::json, taxes = %(taxes)s::json,
        memo = %(memo)s, metadata = %(metadata)s::json, updated_at = %(updated_at)s,
        -- reminded of from now on, and not for days that were past when it was issued; charged by nobody
        remind_at = case when %(status)s = 'open' then %(updated_at)s::timestamptz end
    where account_id = %(account)s and id = %(id)s and tenant_id = %(tenant)s and status = 'draft'
    returning account_id, id, place
), lines as (
    insert into invoice_line (account_id, invoice_id, position, kind, description, quantity, unit_price, amount, net,
                              tax, taxes, component, period_start, period_end, details)
    select made.account_id, made.id, l.position, l.kind, l.description, l.quantity, l.unit_price, l.amount, l.net,
           l.tax, l.taxes, l.component, l.period_start, l.period_end, l.details
    from made, json_to_recordset(%(lines)s::json) as l (
        position int, kind text, description text, quantity bigint, unit_price bigint, amount bigint, net bigint,
        tax bigint, taxes json, component text, period_start timestamptz, period_end timestamptz, details json)
)
select place from made;

-- name: delete_lines
delete from invoice_line where account_id = %(account)s and invoice_id = %(id)s;

-- name: delete_draft
delete from invoice
where account_id = %(account)s and id = %(id)s and tenant_id = %(tenant)s and status = 'draft' and number is null;

-- name: settle
-- What paying, voiding and crediting change.
update invoice
set status = %(status)s, credited = %(credited)s, amount_due = %(amount_due)s, amount_paid = %(amount_paid)s,
    credit_applied = %(credit_applied)s, paid_at = %(paid_at)s, voided_at = %(voided_at)s, updated_at = %(updated_at)s,
    collect_at = case when %(status)s = 'open' then collect_at end,
    collect_after = case when %(status)s = 'open' then collect_after end,
    remind_at = case when %(status)s = 'open' then remind_at end
where account_id = %(account)s and id = %(id)s and tenant_id = %(tenant)s;

-- name: insert_payment
insert into invoice_payment (account_id, invoice_id, seq, amount, applied, reference, actor, paid_at)
select %(account)s, %(invoice)s, coalesce(max(seq), 0) + 1, %(amount)s, %(applied)s, %(reference)s, %(actor)s,
       %(paid_at)s
from invoice_payment
where account_id = %(account)s and invoice_id = %(invoice)s;

-- name: payments
select invoice_id as invoice, seq, amount, applied, reference, actor, paid_at
from invoice_payment
where account_id = %(account)s and invoice_id = %(invoice)s
order by seq;

-- name: invoice
select i.account_id as account, h.uuid as account_uuid, i.id, i.tenant_id as tenant, i.place, i.number, i.status,
       i.currency, i.subscription_id as subscription, i.reason, i.subtotal, i.tax, i.carried, i.total,
       i.credit_applied, i.credited, i.amount_due, i.amount_paid, i.period_start, i.period_end, i.issued_at, i.due_at,
       i.paid_at, i.voided_at, i.seller, i.buyer, i.taxes, i.memo, i.metadata, i.created_at, i.updated_at
from invoice i join account_head h on h.account_id = i.account_id
where i.account_id = %(account)s and i.id = %(id)s and i.tenant_id = %(tenant)s;

-- name: invoices
select i.account_id as account, h.uuid as account_uuid, i.id, i.tenant_id as tenant, i.place, i.number, i.status,
       i.currency, i.subscription_id as subscription, i.reason, i.subtotal, i.tax, i.carried, i.total,
       i.credit_applied, i.credited, i.amount_due, i.amount_paid, i.period_start, i.period_end, i.issued_at, i.due_at,
       i.paid_at, i.voided_at, i.seller, i.buyer, i.taxes, i.memo, i.metadata, i.created_at, i.updated_at
from invoice i join account_head h on h.account_id = i.account_id
where i.tenant_id = %(tenant)s and i.place < %(before)s
  and (%(subscription)s::uuid is null or i.subscription_id = %(subscription)s)
  and (%(status)s::text is null or i.status = %(status)s)
  and (%(number)s::text is null or i.number = %(number)s)
  and (%(start)s::timestamptz is null or coalesce(i.issued_at, i.created_at) >= %(start)s)
  and (%(end)s::timestamptz is null or coalesce(i.issued_at, i.created_at) < %(end)s)
order by i.place desc
limit %(limit)s;

-- name: invoices_of_account
select i.account_id as account, h.uuid as account_uuid, i.id, i.tenant_id as tenant, i.place, i.number, i.status,
       i.currency, i.subscription_id as subscription, i.reason, i.subtotal, i.tax, i.carried, i.total,
       i.credit_applied, i.credited, i.amount_due, i.amount_paid, i.period_start, i.period_end, i.issued_at, i.due_at,
       i.paid_at, i.voided_at, i.seller, i.buyer, i.taxes, i.memo, i.metadata, i.created_at, i.updated_at
from invoice i join account_head h on h.account_id = i.account_id
where i.account_id = %(account)s and i.tenant_id = %(tenant)s and i.place < %(before)s
  and (%(subscription)s::uuid is null or i.subscription_id = %(subscription)s)
  and (%(status)s::text is null or i.status = %(status)s)
  and (%(number)s::text is null or i.number = %(number)s)
  and (%(start)s::timestamptz is null or coalesce(i.issued_at, i.created_at) >= %(start)s)
  and (%(end)s::timestamptz is null or coalesce(i.issued_at, i.created_at) < %(end)s)
order by i.place desc
limit %(limit)s;

-- name: invoices_by_offset
select i.account_id as account, h.uuid as account_uuid, i.id, i.tenant_id as tenant, i.place, i.number, i.status,
       i.currency, i.subscription_id as subscription, i.reason, i.subtotal, i.tax, i.carried, i.total,
       i.credit_applied, i.credited, i.amount_due, i.amount_paid, i.period_start, i.period_end, i.issued_at, i.due_at,
       i.paid_at, i.voided_at, i.seller, i.buyer, i.taxes, i.memo, i.metadata, i.created_at, i.updated_at
from invoice i join account_head h on h.account_id = i.account_id
where i.account_id = %(account)s and i.tenant_id = %(tenant)s
order by i.place desc
limit %(limit)s offset %(offset)s

-- name: issued_of_account
select i.account_id as account, h.uuid as account_uuid, i.id, i.tenant_id as tenant, i.place, i.number, i.status,
       i.currency, i.subscription_id as subscription, i.reason, i.subtotal, i.tax, i.carried, i.total,
       i.credit_applied, i.credited, i.amount_due, i.amount_paid, i.period_start, i.period_end, i.issued_at, i.due_at,
       i.paid_at, i.voided_at, i.seller, i.buyer, i.taxes, i.memo, i.metadata, i.created_at, i.updated_at
from invoice i join account_head h on h.account_id = i.account_id
where i.account_id = %(account)s and i.tenant_id = %(tenant)s and i.issued_at is not null
order by i.place desc
limit %(limit)s

-- name: count_invoices
select count(*) from invoice where account_id = %(account)s and tenant_id = %(tenant)s

-- name: unpaid
select i.account_id as account, h.uuid as account_uuid, i.id, i.tenant_id as tenant, i.place, i.number, i.status,
       i.currency, i.subscription_id as subscription, i.reason, i.subtotal, i.tax, i.carried, i.total,
       i.credit_applied, i.credited, i.amount_due, i.amount_paid, i.period_start, i.period_end, i.issued_at, i.due_at,
       i.paid_at, i.voided_at, i.seller, i.buyer, i.taxes, i.memo, i.metadata, i.created_at, i.updated_at
from invoice i join account_head h on h.account_id = i.account_id
where i.account_id = %(account)s and i.status = 'open'
  and (%(subscription)s::uuid is null or i.subscription_id = %(subscription)s)
order by i.place;

-- name: standing
-- What became of the invoices of these accounts' subscriptions.
select subscription_id as subscription, max(paid_at) as last_paid,
       (count(*) filter (where status = 'uncollectible'))::int as uncollectible
from invoice
where tenant_id = %(tenant)s and account_id = any(%(accounts)s::bigint[]) and subscription_id is not null
group by account_id, subscription_id;

-- name: lines
select l.invoice_id as invoice, l.position, l.kind, l.description, l.quantity, l.unit_price, l.amount, l.net, l.tax,
       l.taxes, l.component, l.period_start, l.period_end, l.details
from unnest(%(accounts)s, %(invoices)s) as w (account_id, invoice_id)
join invoice_line l on l.account_id = w.account_id and l.invoice_id = w.invoice_id
order by l.invoice_id, l.position;

-- name: account_uuid
select uuid from account_head where account_id = %(account)s and tenant_id = %(tenant)s;

-- Customer credit ---------------------------------------------------------------------------------------

-- name: credit_balance
select coalesce((select balance from customer_credit where account_id = %(account)s and currency = %(currency)s
                 order by seq desc limit 1), 0);

-- name: credit_balances
select distinct on (currency) currency, balance
from customer_credit
where account_id = %(account)s
order by currency, seq desc;

-- name: insert_credit
-- Under the account's lock.
insert into customer_credit (account_id, seq, currency, amount, balance, reason, note, invoice_id, credit_note_id,
                             actor, at)
select %(account)s,
       coalesce((select max(seq) from customer_credit where account_id = %(account)s), 0) + 1,
       %(currency)s, %(amount)s,
       coalesce((select balance from customer_credit where account_id = %(account)s and currency = %(currency)s
                 order by seq desc limit 1), 0) + %(amount)s,
       %(reason)s, %(note)s, %(invoice)s, %(credit_note)s, %(actor)s, %(at)s
returning seq, currency, amount, balance, reason, note, invoice_id as invoice, credit_note_id as credit_note, actor, at;

-- name: credits
select c.seq, c.currency, c.amount, c.balance, c.reason, c.note, c.invoice_id as invoice,
       c.credit_note_id as credit_note, c.actor, c.at
from customer_credit c
where c.account_id = %(account)s and c.seq < %(before)s
  and (%(currency)s::text is null or c.currency = %(currency)s)
order by c.seq desc
limit %(limit)s;

-- Credit notes ------------------------------------------------------------------------------------------

-- name: insert_credit_note
with made as (
    insert into credit_note (account_id, id, tenant_id, invoice_id, currency, subtotal, tax, total, applied, to_credit,
                             refund_due, taxes, reason, metadata, seller, buyer, issued_at, created_at)
    values (%(account)s, %(id)s, %(tenant)s, %(invoice)s, %(currency)s, %(subtotal)s, %(tax)s, %(total)s, %(applied)s,
            %(to_credit)s, %(refund_due)s, %(taxes)s::json, %(reason)s, %(metadata)s::json, %(seller)s::json,
            %(buyer)s::json, %(issued_at)s, %(issued_at)s)
    returning account_id, id, place
), lines as (
    insert into credit_note_line (account_id, credit_note_id, position, invoice_line, description, net, tax)
    select made.account_id, made.id, l.position, l.invoice_line, l.description, l.net, l.tax
    from made, json_to_recordset(%(lines)s::json) as l (
        position int, invoice_line int, description text, net bigint, tax bigint)
)
select place from made;

-- name: credit_note
select c.account_id as account, h.uuid as account_uuid, c.id, c.tenant_id as tenant, c.place, c.number,
       c.invoice_id as invoice, i.number as invoice_number, c.currency, c.subtotal, c.tax, c.total, c.applied,
       c.to_credit, c.refund_due, c.taxes, c.reason, c.metadata, c.seller, c.buyer, c.issued_at, c.created_at
from credit_note c
join account_head h on h.account_id = c.account_id
join invoice i on i.account_id = c.account_id and i.id = c.invoice_id
where c.account_id = %(account)s and c.id = %(id)s and c.tenant_id = %(tenant)s;

-- name: credit_notes
select c.account_id as account, h.uuid as account_uuid, c.id, c.tenant_id as tenant, c.place, c.number,
       c.invoice_id as invoice, i.number as invoice_number, c.currency, c.subtotal, c.tax, c.total, c.applied,
       c.to_credit, c.refund_due, c.taxes, c.reason, c.metadata, c.seller, c.buyer, c.issued_at, c.created_at
from credit_note c
join account_head h on h.account_id = c.account_id
join invoice i on i.account_id = c.account_id and i.id = c.invoice_id
where c.tenant_id = %(tenant)s and c.place < %(before)s
  and (%(account)s::bigint is null or c.account_id = %(account)s)
  and (%(invoice)s::uuid is null or c.invoice_id = %(invoice)s)
order by c.place desc
limit %(limit)s;

-- name: credit_note_lines
select l.credit_note_id as credit_note, l.position, l.invoice_line, l.description, l.net, l.tax
from unnest(%(accounts)s, %(notes)s) as w (account_id, credit_note_id)
join credit_note_line l on l.account_id = w.account_id and l.credit_note_id = w.credit_note_id
order by l.credit_note_id, l.position;

-- Collecting --------------------------------------------------------------------------------------------
-- Under the account's lock. Only invoices that are open have these moments.

-- name: schedule_charge
update invoice set collect_at = %(at)s, collect_after = null
where account_id = %(account)s and id = %(id)s and status = 'open';

-- name: schedule_reminder
update invoice set remind_at = %(at)s where account_id = %(account)s and id = %(id)s and status = 'open';

-- name: hold_collection
update invoice set collect_after = clock_timestamp() + %(span)s
where account_id = %(account)s and id = %(id)s and status = 'open';

-- name: resume_collection
update invoice set collect_after = null
where account_id = %(account)s and id = %(id)s and collect_after is not null;

-- name: begin_collecting
insert into collected_account (account_id) values (%(account)s) on conflict do nothing;

-- name: collect_now
update invoice i set collect_at = least(i.collect_at, clock_timestamp() + t.clock_ahead), collect_after = null
from tenant t
where t.id = i.tenant_id and i.account_id = %(account)s and i.status = 'open' and i.subscription_id is not null;

-- name: stop_collecting
delete from collected_account where account_id = %(account)s;

-- name: collect_no_more
update invoice set collect_at = null, collect_after = null
where account_id = %(account)s and status = 'open' and collect_at is not null;

-- name: collection_pending
select exists (select from invoice
               where account_id = %(account)s and status = 'open' and collect_at <= %(at)s);
