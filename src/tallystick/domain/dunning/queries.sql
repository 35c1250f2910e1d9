-- Invoices to collect. Rows are reached by an account whose head is locked, or the query names the tenant.

-- name: tenants_due
-- The tenants that have an invoice to look at, by their own time. A tenant whose clock somebody is moving is left to
-- them (see lock_due_heads of the ledger): they have things done in order.
select t.id
from tenant t
where case when %(tenant)s::int is not null then t.id = %(tenant)s
           else t.id <> all (array(select objid::int from pg_locks
                                   where locktype = 'advisory' and classid = 1668049003 and objsubid = 2
                                     and database = (select oid from pg_database
                                                     where datname = current_database())))
      end
  and exists (select from invoice i
              where i.tenant_id = t.id and i.status = 'open'
                and least(i.collect_at, i.remind_at) <= (select clock_timestamp()) + t.clock_ahead
                and not exists (select from invoice e
                                where e.account_id = i.account_id and e.status = 'open'
                                  and e.collect_after > (select clock_timestamp())))
order by t.id

-- name: by_index
-- For the rest of the transaction. Plans are kept: one made while tables were small must not read all of large ones.
set local enable_seqscan = off

-- name: claim
-- What is to be looked at of a tenant, the earliest first, with its accounts' heads locked; those that somebody else
-- has locked are left. One charge of a customer at a time: while one is under way, the others wait.
select i.account_id as account, i.id, least(i.collect_at, i.remind_at) as at
from invoice i
join account_head h on h.account_id = i.account_id
where i.tenant_id = %(tenant)s and i.status = 'open' and least(i.collect_at, i.remind_at) <= %(now)s
  and not exists (select from invoice e
                  where e.account_id = i.account_id and e.status = 'open'
                    and e.collect_after > (select clock_timestamp()))
order by least(i.collect_at, i.remind_at), i.id
limit %(limit)s
for no key update of h skip locked

-- name: moments
-- ``preceded``: another invoice of the account has an earlier moment, such as one that was only just issued.
select i.status, i.collect_at, i.remind_at,
       exists (select from invoice e
               where e.account_id = i.account_id and e.status = 'open'
                 and (e.collect_at < %(at)s or e.remind_at < %(at)s)) as preceded
from invoice i
where i.account_id = %(account)s and i.id = %(id)s

-- name: attempt
-- The last charge of an invoice by itself, for one moment or at all.
select id, status, failure_code, method_id as method
from payment
where account_id = %(account)s and invoice_id = %(invoice)s and cause = 'dunning'
  and (%(at)s::timestamptz is null or wanted_at = %(at)s)
order by id desc
limit 1

-- name: on_page
-- Whether at a moment the customer has a page open to pay the invoice on.
select exists (select from checkout
               where account_id = %(account)s and invoice_id = %(invoice)s and status = 'open'
                 and expires_at > %(at)s)
