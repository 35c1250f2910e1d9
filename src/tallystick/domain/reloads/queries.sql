-- Automatic purchases and alerts. Rows are reached by an account whose tenant was checked under its lock, or the query
-- names the tenant. What is decided upon is read under the account's head.

-- name: auto_reload
select r.account_id as account, h.uuid as account_uuid, r.tenant_id as tenant, r.credit_type, r.enabled, r.threshold,
       r.amount, r.package_id as package, r.method_id as method, r.cooldown, r.monthly_cap, r.currency, r.stop_reason,
       r.stop_message, r.stopped_at, r.capped_until, r.due_at, r.created_at, r.updated_at
from auto_reload r
join account_head h on h.account_id = r.account_id
where r.account_id = %(account)s and r.tenant_id = %(tenant)s and r.credit_type = %(credit_type)s

-- name: auto_reloads
select r.account_id as account, h.uuid as account_uuid, r.tenant_id as tenant, r.credit_type, r.enabled, r.threshold,
       r.amount, r.package_id as package, r.method_id as method, r.cooldown, r.monthly_cap, r.currency, r.stop_reason,
       r.stop_message, r.stopped_at, r.capped_until, r.due_at, r.created_at, r.updated_at
from auto_reload r
join account_head h on h.account_id = r.account_id
where r.account_id = %(account)s and r.tenant_id = %(tenant)s
order by r.credit_type

-- name: put_auto_reload
-- What stopped it is forgotten; that a month's cap was told is not.
insert into auto_reload (account_id, credit_type, tenant_id, enabled, threshold, amount, package_id, method_id, cooldown,
                         monthly_cap, currency, due_at, created_at, updated_at)
values (%(account)s, %(credit_type)s, %(tenant)s, %(enabled)s, %(threshold)s, %(amount)s, %(package)s, %(method)s,
        %(cooldown)s, %(monthly_cap)s, %(currency)s, %(due_at)s, %(now)s, %(now)s)
on conflict (account_id, credit_type) do update
set enabled = excluded.enabled, threshold = excluded.threshold, amount = excluded.amount,
    package_id = excluded.package_id, method_id = excluded.method_id, cooldown = excluded.cooldown,
    monthly_cap = excluded.monthly_cap, currency = excluded.currency, due_at = excluded.due_at, stop_reason = null,
    stop_message = null, stopped_at = null, retry_at = null, failures = 0, updated_at = excluded.updated_at

-- name: save_auto_reload
update auto_reload
set stop_reason = %(stop_reason)s, stop_message = %(stop_message)s, stopped_at = %(stopped_at)s,
    capped_until = %(capped_until)s, due_at = %(due_at)s, retry_at = null, failures = 0
where account_id = %(account)s and credit_type = %(credit_type)s

-- name: delete_auto_reload
delete from auto_reload where account_id = %(account)s and credit_type = %(credit_type)s

-- name: wake
-- A wallet fell below its threshold: looked at as of then, or earlier where that was due.
update auto_reload
set due_at = least(due_at, %(at)s)
where account_id = %(account)s and credit_type = %(credit_type)s and enabled and stop_reason is null
  and threshold = any(%(crossed)s::bigint[])

-- name: tenants_due
-- The tenants that have a setting due, by their own time, that does not wait to be tried again.
select t.id
from tenant t
where (%(tenant)s::int is null or t.id = %(tenant)s)
  and exists (select from auto_reload r
              where r.tenant_id = t.id and r.due_at <= (select clock_timestamp()) + t.clock_ahead
                and (r.retry_at is null or r.retry_at <= (select clock_timestamp())))
order by t.id

-- name: due
-- What is due of a tenant, the oldest first.
select account_id as account, credit_type
from auto_reload
where tenant_id = %(tenant)s and due_at <= %(now)s
  and (retry_at is null or retry_at <= (select clock_timestamp()))
order by due_at, account_id, credit_type
limit %(limit)s

-- name: to_look
-- Reloads in flight whose payment is to be looked at; of one tenant all of them.
select account_id as account, tenant_id as tenant, invoice_id as invoice
from reload
where look_at is not null
  and case when %(tenant)s::int is null then look_at <= (select clock_timestamp()) else tenant_id = %(tenant)s end
order by look_at, account_id, invoice_id
limit %(limit)s

-- name: lock_free
-- The head of an account, unless somebody else has it: they are doing the same, or it is tried again.
select account_id from account_head where account_id = %(account)s and tenant_id = %(tenant)s
for no key update skip locked

-- name: note_failure
-- Tried again after 1, 2, 4 ... minutes, at most an hour. Its ``due_at`` stays.
update auto_reload
set failures = failures + 1,
    retry_at = clock_timestamp() + least(60, 2 ^ least(failures, 6)) * interval '1 minute'
where account_id = %(account)s and credit_type = %(credit_type)s

-- name: reload
select r.account_id as account, h.uuid as account_uuid, r.invoice_id as invoice, r.tenant_id as tenant, r.credit_type,
       r.payment_id as payment, r.status, r.credits, r.amount, r.currency, r.wanted_at, r.ended_at, r.failure_code,
       r.failure_message
from reload r
join account_head h on h.account_id = r.account_id
where r.account_id = %(account)s and r.tenant_id = %(tenant)s and r.invoice_id = %(invoice)s

-- name: reloads
-- The newest first.
select r.account_id as account, h.uuid as account_uuid, r.invoice_id as invoice, r.tenant_id as tenant, r.credit_type,
       r.payment_id as payment, r.status, r.credits, r.amount, r.currency, r.wanted_at, r.ended_at, r.failure_code,
       r.failure_message
from reload r
join account_head h on h.account_id = r.account_id
where r.account_id = %(account)s and r.tenant_id = %(tenant)s and r.credit_type = %(credit_type)s
order by r.wanted_at desc, r.invoice_id desc
limit %(limit)s

-- name: in_flight
select r.account_id as account, h.uuid as account_uuid, r.invoice_id as invoice, r.tenant_id as tenant, r.credit_type,
       r.payment_id as payment, r.status, r.credits, r.amount, r.currency, r.wanted_at, r.ended_at, r.failure_code,
       r.failure_message
from reload r
join account_head h on h.account_id = r.account_id
where r.account_id = %(account)s and r.credit_type = %(credit_type)s and r.status = 'in_flight'

-- name: last_wanted
select max(wanted_at) from reload where account_id = %(account)s and credit_type = %(credit_type)s

-- name: spent
-- Minor units of a span, what is in flight included.
select coalesce(sum(amount), 0)::bigint
from reload
where account_id = %(account)s and credit_type = %(credit_type)s and currency = %(currency)s and status <> 'failed'
  and wanted_at >= %(start)s and wanted_at < %(end)s

-- name: insert_reload
insert into reload (account_id, invoice_id, tenant_id, credit_type, payment_id, status, credits, amount, currency,
                    wanted_at, ended_at, look_at)
values (%(account)s, %(invoice)s, %(tenant)s, %(credit_type)s, %(payment)s, %(status)s, %(credits)s, %(amount)s,
        %(currency)s, %(wanted_at)s, %(ended_at)s,
        case %(status)s when 'in_flight' then clock_timestamp() end)

-- name: look_later
update reload set look_at = clock_timestamp() + interval '1 second'
where account_id = %(account)s and invoice_id = %(invoice)s and status = 'in_flight'

-- name: end_reload
update reload
set status = %(status)s, ended_at = %(ended_at)s, failure_code = %(failure_code)s,
    failure_message = %(failure_message)s, look_at = null
where account_id = %(account)s and invoice_id = %(invoice)s

-- name: alert
select a.account_id as account, h.uuid as account_uuid, a.id, a.tenant_id as tenant, a.credit_type, a.threshold, a.email,
       a.created_at, a.told_at
from balance_alert a
join account_head h on h.account_id = a.account_id
where a.account_id = %(account)s and a.tenant_id = %(tenant)s and a.id = %(id)s

-- name: alerts
select a.account_id as account, h.uuid as account_uuid, a.id, a.tenant_id as tenant, a.credit_type, a.threshold, a.email,
       a.created_at, a.told_at
from balance_alert a
join account_head h on h.account_id = a.account_id
where a.account_id = %(account)s and a.tenant_id = %(tenant)s
  and (%(credit_type)s::text is null or a.credit_type = %(credit_type)s)
order by a.credit_type, a.threshold desc

-- name: insert_alert
insert into balance_alert (account_id, id, tenant_id, credit_type, threshold, email, created_at)
values (%(account)s, %(id)s, %(tenant)s, %(credit_type)s, %(threshold)s, %(email)s, %(now)s)
on conflict (account_id, credit_type, threshold) do nothing

-- name: delete_alert
delete from balance_alert where account_id = %(account)s and id = %(id)s

-- name: alerts_told
update balance_alert set told_at = %(at)s where account_id = %(account)s and id = any(%(ids)s::uuid[])

-- name: thresholds
-- What is to be watched of a wallet.
select threshold from auto_reload
where account_id = %(account)s and credit_type = %(credit_type)s and enabled and stop_reason is null
union
select threshold from balance_alert where account_id = %(account)s and credit_type = %(credit_type)s
