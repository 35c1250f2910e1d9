-- Payments. Rows are reached by an account whose tenant was checked, or the query names the tenant.

-- Settings ----------------------------------------------------------------------------------------------

-- name: setting
select tenant_id as tenant, gateway, enabled, standard, options, secrets, hints, updated_at
from gateway_setting
where tenant_id = %(tenant)s and gateway = %(gateway)s

-- name: settings
select tenant_id as tenant, gateway, enabled, standard, options, secrets, hints, updated_at
from gateway_setting
where tenant_id = %(tenant)s

-- name: settings_with_secrets
select g.tenant_id as tenant, g.gateway, g.enabled, g.standard, g.options, g.secrets, g.hints, g.updated_at,
       t.app_id as app, t.mode
from gateway_setting g join tenant t on t.id = g.tenant_id
where g.gateway = %(gateway)s and g.secrets is not null
order by g.tenant_id

-- name: lock_settings
-- Changes wait for each other: at most one gateway is the standard one.
select 1 from tenant where id = %(tenant)s for no key update

-- name: unset_standard
update gateway_setting set standard = false
where tenant_id = %(tenant)s and standard and gateway <> %(gateway)s

-- name: put_setting
insert into gateway_setting (tenant_id, gateway, enabled, standard, options, secrets, hints, updated_at)
values (%(tenant)s, %(gateway)s, %(enabled)s, %(standard)s, %(options)s::json, %(secrets)s, %(hints)s::json, %(now)s)
on conflict (tenant_id, gateway) do update
set enabled = excluded.enabled, standard = excluded.standard, options = excluded.options,
    secrets = excluded.secrets, hints = excluded.hints, updated_at = excluded.updated_at

-- name: switch_off
update gateway_setting set enabled = false, standard = false
where tenant_id = %(tenant)s and gateway = %(gateway)s and enabled

-- name: policy
select policy from payment_policy where tenant_id = %(tenant)s

-- name: put_policy
insert into payment_policy (tenant_id, policy, updated_at) values (%(tenant)s, %(policy)s::json, %(now)s)
on conflict (tenant_id) do update set policy = excluded.policy, updated_at = excluded.updated_at

-- name: ahead
-- How far a tenant's time is ahead of the server's.
select clock_ahead from tenant where id = %(tenant)s

-- Customers and ways to pay -----------------------------------------------------------------------------

-- name: customer_ref
select ref from gateway_customer where account_id = %(account)s and gateway = %(gateway)s

-- name: put_customer
insert into gateway_customer (account_id, gateway, tenant_id, ref)
values (%(account)s, %(gateway)s, %(tenant)s, %(ref)s)
on conflict do nothing

-- name: account_of_customer
select account_id from gateway_customer
where tenant_id = %(tenant)s and gateway = %(gateway)s and ref = %(ref)s

-- name: method
select account_id as account, id, tenant_id as tenant, gateway, ref, kind, brand, last4, exp_month, exp_year, standard,
       created_at, removed_at
from payment_method
where account_id = %(account)s and id = %(id)s and tenant_id = %(tenant)s

-- name: method_by_ref
select account_id as account, id, tenant_id as tenant, gateway, ref, kind, brand, last4, exp_month, exp_year, standard,
       created_at, removed_at
from payment_method
where tenant_id = %(tenant)s and gateway = %(gateway)s and ref = %(ref)s

-- name: methods
-- The standard one first, then the newest.
select account_id as account, id, tenant_id as tenant, gateway, ref, kind, brand, last4, exp_month, exp_year, standard,
       created_at, removed_at
from payment_method
where account_id = %(account)s and tenant_id = %(tenant)s and removed_at is null
order by standard desc, id desc

-- name: standard_method
select account_id as account, id, tenant_id as tenant, gateway, ref, kind, brand, last4, exp_month, exp_year, standard,
       created_at, removed_at
from payment_method
where account_id = %(account)s and standard and removed_at is null

-- name: insert_method
insert into payment_method (account_id, id, tenant_id, gateway, ref, kind, brand, last4, exp_month, exp_year, standard,
                            created_at, removed_at)
values (%(account)s, %(id)s, %(tenant)s, %(gateway)s, %(ref)s, %(kind)s, %(brand)s, %(last4)s, %(exp_month)s,
        %(exp_year)s, %(standard)s, %(now)s, %(removed_at)s)

-- name: update_method
update payment_method
set kind = %(kind)s, brand = %(brand)s, last4 = %(last4)s, exp_month = %(exp_month)s, exp_year = %(exp_year)s
where account_id = %(account)s and id = %(id)s

-- name: remove_method
update payment_method set removed_at = %(now)s, standard = false
where account_id = %(account)s and id = %(id)s and removed_at is null

-- name: unset_standard_method
update payment_method set standard = false where account_id = %(account)s and standard

-- name: set_standard_method
update payment_method set standard = true
where account_id = %(account)s and id = %(id)s and removed_at is null

-- name: standard_declined
-- Whether the last charge of the standard way to pay was declined.
select p.status = 'failed'
from payment_method m join payment p on p.account_id = m.account_id and p.method_id = m.id
where m.account_id = %(account)s and m.standard and m.removed_at is null
order by p.number desc
limit 1

-- name: set_newest_standard
-- Where the standard way to pay is gone, the newest of those left takes its place.
update payment_method m set standard = true
where m.account_id = %(account)s
  and m.id = (select n.id from payment_method n where n.account_id = %(account)s and n.removed_at is null
              order by n.id desc limit 1)
  and not exists (select from payment_method s
                  where s.account_id = %(account)s and s.standard and s.removed_at is null)

-- Purchases ---------------------------------------------------------------------------------------------

-- name: insert_purchase
insert into purchase (account_id, invoice_id, tenant_id, package_id, cause, credit_type, credits, bonus,
                      expires_after_days, created_at)
values (%(account)s, %(invoice)s, %(tenant)s, %(package)s, %(cause)s, %(credit_type)s, %(credits)s, %(bonus)s,
        %(expires_after_days)s, %(at)s)

-- name: purchase
select account_id as account, invoice_id as invoice, tenant_id as tenant, package_id as package, cause, credit_type,
       credits, bonus, expires_after_days, grant_id, bonus_grant_id, fulfilled_at, created_at
from purchase
where account_id = %(account)s and invoice_id = %(invoice)s

-- name: fulfil
update purchase
set grant_id = %(grant)s, bonus_grant_id = %(bonus_grant)s, fulfilled_at = %(at)s
where account_id = %(account)s and invoice_id = %(invoice)s and fulfilled_at is null

-- name: bills_of_payments
select p.id as payment, coalesce(p.ended_at, p.created_at) as at, i.id as invoice, i.number, i.status,
       (select l.description from invoice_line l
        where l.account_id = i.account_id and l.invoice_id = i.id and l.kind = 'plan'
        order by l.position limit 1) as plan,
       (select l.description from invoice_line l
        where l.account_id = i.account_id and l.invoice_id = i.id
        order by l.amount < 0, l.position limit 1) as first
from unnest(%(ids)s::uuid[]) as wanted (id)
join payment p on p.account_id = %(account)s and p.id = wanted.id and p.tenant_id = %(tenant)s
join invoice i on i.account_id = p.account_id and i.id = p.invoice_id

-- Checkouts ---------------------------------------------------------------------------------------------

-- name: insert_checkout
insert into checkout (account_id, id, tenant_id, gateway, kind, status, invoice_id, intent, own_invoice, payment_id,
                      amount, currency, save_method, success_url, cancel_url, metadata, created_by, created_at,
                      expires_at, ended_at, due_at)
values (%(account)s, %(id)s, %(tenant)s, %(gateway)s, %(kind)s, %(status)s, %(invoice)s, %(intent)s::json,
        %(own_invoice)s, %(payment)s, %(amount)s, %(currency)s, %(save_method)s, %(success_url)s, %(cancel_url)s,
        %(metadata)s::json, %(by)s, %(now)s, %(expires_at)s, %(ended_at)s, %(due_at)s)

-- name: checkout
select c.account_id as account, h.uuid as account_uuid, c.id, c.tenant_id as tenant, c.gateway, c.kind, c.status,
       c.invoice_id as invoice, c.intent, c.own_invoice, c.payment_id as payment, c.amount, c.currency, c.save_method,
       c.success_url, c.cancel_url, c.url, c.ref, c.metadata, c.created_by, c.created_at, c.expires_at, c.ended_at,
       c.due_at, c.retry_at, c.attempts
from checkout c join account_head h on h.account_id = c.account_id
where c.account_id = %(account)s and c.id = %(id)s and c.tenant_id = %(tenant)s

-- name: checkouts
select c.account_id as account, h.uuid as account_uuid, c.id, c.tenant_id as tenant, c.gateway, c.kind, c.status,
       c.invoice_id as invoice, c.intent, c.own_invoice, c.payment_id as payment, c.amount, c.currency, c.save_method,
       c.success_url, c.cancel_url, c.url, c.ref, c.metadata, c.created_by, c.created_at, c.expires_at, c.ended_at,
       c.due_at, c.retry_at, c.attempts
from checkout c join account_head h on h.account_id = c.account_id
where c.tenant_id = %(tenant)s
  and (%(account)s::bigint is null or c.account_id = %(account)s)
  and (%(invoice)s::uuid is null or c.invoice_id = %(invoice)s)
  and (%(kind)s::text is null or c.kind = %(kind)s)
  and (%(status)s::text is null or c.status = %(status)s)
  and (%(before)s::uuid is null or c.id < %(before)s)
order by c.id desc
limit %(limit)s

-- name: checkout_id_of_ref
select id from checkout where tenant_id = %(tenant)s and gateway = %(gateway)s and ref = %(ref)s

-- name: page_opened
update checkout set ref = %(ref)s, url = %(url)s, attempts = 0, retry_at = null, due_at = %(due_at)s
where account_id = %(account)s and id = %(id)s and ref is null

-- name: save_checkout
update checkout
set status = %(status)s, invoice_id = %(invoice)s, ended_at = %(ended_at)s, due_at = %(due_at)s,
    retry_at = null, attempts = 0
where account_id = %(account)s and id = %(id)s

-- name: lease_checkout
-- Nobody else works on it meanwhile; whoever dies on it is followed after the lease.
update checkout set attempts = attempts + 1, retry_at = clock_timestamp() + %(lease)s
where account_id = %(account)s and id = %(id)s

-- name: delay_checkout
-- Looked at: again later.
update checkout set due_at = %(due_at)s, retry_at = null where account_id = %(account)s and id = %(id)s

-- name: retry_checkout
update checkout set retry_at = clock_timestamp() + %(pause)s where account_id = %(account)s and id = %(id)s

-- name: due_checkouts
select c.account_id as account, c.id, c.due_at
from checkout c
where c.tenant_id = %(tenant)s and c.due_at <= %(now)s
  and (c.retry_at is null or c.retry_at <= (select clock_timestamp()))
order by c.due_at, c.id
limit %(limit)s

-- Payments ----------------------------------------------------------------------------------------------

-- name: insert_payment
insert into payment (account_id, id, tenant_id, gateway, cause, status, invoice_id, checkout_id, method_id, amount,
                     currency, ref, created_by, wanted_at, created_at, updated_at, due_at, retry_at)
values (%(account)s, %(id)s, %(tenant)s, %(gateway)s, %(cause)s, 'pending', %(invoice)s, %(checkout)s, %(method)s,
        %(amount)s, %(currency)s, %(ref)s, %(by)s, %(wanted_at)s, %(now)s, %(now)s, %(due_at)s,
        clock_timestamp() + %(first)s::interval)

-- name: payment
select p.account_id as account, h.uuid as account_uuid, p.id, p.tenant_id as tenant, p.number, p.gateway, p.cause,
       p.status, p.invoice_id as invoice, p.checkout_id as checkout, p.method_id as method, p.amount, p.currency,
       p.applied, p.to_credit, p.to_refund, p.refunded, p.failure_code, p.failure_message, p.action_url, p.ref,
       p.reference, p.created_by, p.wanted_at, p.created_at, p.ended_at, p.updated_at, p.seen_at, p.due_at, p.retry_at,
       p.attempts,
       (select d.status from dispute d where d.account_id = p.account_id and d.payment_id = p.id
        order by d.opened_at desc, d.id desc limit 1) as dispute
from payment p join account_head h on h.account_id = p.account_id
where p.account_id = %(account)s and p.id = %(id)s and p.tenant_id = %(tenant)s

-- name: payments
select p.account_id as account, h.uuid as account_uuid, p.id, p.tenant_id as tenant, p.number, p.gateway, p.cause,
       p.status, p.invoice_id as invoice, p.checkout_id as checkout, p.method_id as method, p.amount, p.currency,
       p.applied, p.to_credit, p.to_refund, p.refunded, p.failure_code, p.failure_message, p.action_url, p.ref,
       p.reference, p.created_by, p.wanted_at, p.created_at, p.ended_at, p.updated_at, p.seen_at, p.due_at, p.retry_at,
       p.attempts,
       (select d.status from dispute d where d.account_id = p.account_id and d.payment_id = p.id
        order by d.opened_at desc, d.id desc limit 1) as dispute
from payment p join account_head h on h.account_id = p.account_id
where p.tenant_id = %(tenant)s and p.number < %(before)s
  and (%(account)s::bigint is null or p.account_id = %(account)s)
  and (%(invoice)s::uuid is null or p.invoice_id = %(invoice)s)
  and (%(checkout)s::uuid is null or p.checkout_id = %(checkout)s)
  and (%(status)s::text is null or p.status = %(status)s)
order by p.number desc
limit %(limit)s

-- name: payments_by_offset
select p.account_id as account, h.uuid as account_uuid, p.id, p.tenant_id as tenant, p.number, p.gateway, p.cause,
       p.status, p.invoice_id as invoice, p.checkout_id as checkout, p.method_id as method, p.amount, p.currency,
       p.applied, p.to_credit, p.to_refund, p.refunded, p.failure_code, p.failure_message, p.action_url, p.ref,
       p.reference, p.created_by, p.wanted_at, p.created_at, p.ended_at, p.updated_at, p.seen_at, p.due_at, p.retry_at,
       p.attempts,
       (select d.status from dispute d where d.account_id = p.account_id and d.payment_id = p.id
        order by d.opened_at desc, d.id desc limit 1) as dispute
from payment p join account_head h on h.account_id = p.account_id
where p.account_id = %(account)s and p.tenant_id = %(tenant)s
order by p.number desc
limit %(limit)s offset %(offset)s

-- name: count_payments
select count(*) from payment where account_id = %(account)s and tenant_id = %(tenant)s

-- name: payment_id_of_ref
select id from payment where tenant_id = %(tenant)s and gateway = %(gateway)s and ref = %(ref)s

-- name: tenant_of_payment
select tenant_id from payment where account_id = %(account)s and id = %(id)s

-- name: tenant_of_checkout
select tenant_id from checkout where account_id = %(account)s and id = %(id)s

-- name: machine_time
select clock_timestamp()

-- name: under_way
-- Payments of an invoice that may still bring money: of pages only those that the customer has sent off.
select p.account_id as account, h.uuid as account_uuid, p.id, p.tenant_id as tenant, p.number, p.gateway, p.cause,
       p.status, p.invoice_id as invoice, p.checkout_id as checkout, p.method_id as method, p.amount, p.currency,
       p.applied, p.to_credit, p.to_refund, p.refunded, p.failure_code, p.failure_message, p.action_url, p.ref,
       p.reference, p.created_by, p.wanted_at, p.created_at, p.ended_at, p.updated_at, p.seen_at, p.due_at, p.retry_at,
       p.attempts,
       (select d.status from dispute d where d.account_id = p.account_id and d.payment_id = p.id
        order by d.opened_at desc, d.id desc limit 1) as dispute
from payment p join account_head h on h.account_id = p.account_id
where p.account_id = %(account)s and p.invoice_id = %(invoice)s
  and (p.status = 'processing' or (p.status in ('pending', 'requires_action') and p.cause <> 'checkout'))

-- name: save_payment
update payment
set status = %(status)s, invoice_id = %(invoice)s, method_id = %(method)s, amount = %(amount)s,
    currency = %(currency)s, applied = %(applied)s, to_credit = %(to_credit)s, to_refund = %(to_refund)s, failure_code = %(failure_code)s,
    failure_message = %(failure_message)s, action_url = %(action_url)s, ref = %(ref)s, reference = %(reference)s,
    ended_at = %(ended_at)s, updated_at = %(updated_at)s, seen_at = %(seen_at)s, due_at = %(due_at)s,
    retry_at = null, attempts = %(attempts)s
where account_id = %(account)s and id = %(id)s

-- name: lease_payment
update payment set attempts = attempts + 1, retry_at = clock_timestamp() + %(lease)s
where account_id = %(account)s and id = %(id)s

-- name: retry_payment
update payment set retry_at = clock_timestamp() + %(pause)s where account_id = %(account)s and id = %(id)s

-- name: delay_payment
update payment set due_at = %(due_at)s, retry_at = null where account_id = %(account)s and id = %(id)s

-- name: give_up_soon
-- What waits for the customer has nothing to wait for any more: the worker takes it back at the gateway.
update payment set due_at = %(now)s
where account_id = %(account)s and invoice_id = %(invoice)s and cause <> 'checkout'
  and status in ('pending', 'requires_action')

-- name: give_up_charge
-- Of an upgrade at once that is not wanted any more.
update payment set due_at = %(now)s
where account_id = %(account)s and id = %(id)s and status in ('pending', 'requires_action')

-- name: due_payments
select p.account_id as account, p.id, p.due_at
from payment p
where p.tenant_id = %(tenant)s and p.due_at <= %(now)s
  and (p.retry_at is null or p.retry_at <= (select clock_timestamp()))
order by p.due_at, p.id
limit %(limit)s

-- The worker --------------------------------------------------------------------------------------------

-- name: tenants_due
-- The tenants that have something due, by their own time; ``waiting``: even where it is to be tried again later.
select t.id
from tenant t
where (%(tenant)s::int is null or t.id = %(tenant)s)
  and (exists (select from checkout c
               where c.tenant_id = t.id and c.due_at <= (select clock_timestamp()) + t.clock_ahead
                 and (%(waiting)s or c.retry_at is null or c.retry_at <= (select clock_timestamp())))
       or exists (select from payment p
                  where p.tenant_id = t.id and p.due_at <= (select clock_timestamp()) + t.clock_ahead
                    and (%(waiting)s or p.retry_at is null or p.retry_at <= (select clock_timestamp()))))
order by t.id

-- name: insert_provider_event
insert into provider_event (tenant_id, gateway, event_id, type, happened_at)
values (%(tenant)s, %(gateway)s, %(event)s, %(type)s, %(at)s)
on conflict do nothing

-- name: purge_provider_events
-- Providers send again for days, not for months.
delete from provider_event where received_at < clock_timestamp() - interval '90 days'
