-- Refunds, disputes, and what was told of them too early. An account's rows are read by its number, whose tenant was
-- checked, or the query names the tenant.

-- name: payment_by_ref
select account_id as account, id, status from payment
where tenant_id = %(tenant)s and gateway = %(gateway)s and ref = %(ref)s;

-- name: move_refunded
update payment set refunded = refunded + %(minor)s, updated_at = %(now)s
where account_id = %(account)s and id = %(id)s;

-- Refunds -----------------------------------------------------------------------------------------------

-- name: insert_refund
insert into refund (account_id, id, tenant_id, payment_id, gateway, cause, status, amount, currency, from_invoice,
                    from_credit, surplus, invoice_id, credit_note_id, take, taken, reason, ref, failure, worked,
                    created_by, created_at, ended_at, updated_at, due_at)
values (%(account)s, %(id)s, %(tenant)s, %(payment)s, %(gateway)s, %(cause)s, %(status)s, %(amount)s, %(currency)s,
        %(from_invoice)s, %(from_credit)s, %(surplus)s, %(invoice)s, %(credit_note)s, %(take)s, %(taken)s::json,
        %(reason)s, %(ref)s, %(failure)s, %(worked)s, %(created_by)s, %(created_at)s, %(ended_at)s, %(updated_at)s,
        %(due_at)s);

-- name: update_refund
update refund
set status = %(status)s, from_invoice = %(from_invoice)s, from_credit = %(from_credit)s, surplus = %(surplus)s,
    credit_note_id = %(credit_note)s, taken = %(taken)s::json, ref = %(ref)s, failure = %(failure)s,
    worked = %(worked)s, retried_by = %(retried_by)s, ended_at = %(ended_at)s, updated_at = %(updated_at)s,
    due_at = %(due_at)s
where account_id = %(account)s and id = %(id)s;

-- name: refund
select r.account_id as account, h.uuid as account_uuid, r.id, r.tenant_id as tenant, r.payment_id as payment, r.gateway,
       r.cause, r.status, r.amount, r.currency, r.from_invoice, r.from_credit, r.surplus, r.invoice_id as invoice,
       r.credit_note_id as credit_note, r.take, r.taken, r.reason, r.ref, r.failure, r.worked, r.retried_by,
       r.created_by, r.created_at, r.ended_at, r.updated_at, r.due_at, r.retry_at, r.attempts
from refund r
join account_head h on h.account_id = r.account_id
where r.tenant_id = %(tenant)s and r.account_id = %(account)s and r.id = %(id)s;

-- name: refund_by_ref
select account_id as account, id from refund
where tenant_id = %(tenant)s and gateway = %(gateway)s and ref = %(ref)s;

-- name: refunds
-- Newest first: ids are made in the order of time.
select r.account_id as account, h.uuid as account_uuid, r.id, r.tenant_id as tenant, r.payment_id as payment, r.gateway,
       r.cause, r.status, r.amount, r.currency, r.from_invoice, r.from_credit, r.surplus, r.invoice_id as invoice,
       r.credit_note_id as credit_note, r.take, r.taken, r.reason, r.ref, r.failure, r.worked, r.retried_by,
       r.created_by, r.created_at, r.ended_at, r.updated_at, r.due_at, r.retry_at, r.attempts
from refund r
join account_head h on h.account_id = r.account_id
where r.tenant_id = %(tenant)s
  and (%(account)s::bigint is null or r.account_id = %(account)s)
  and (%(payment)s::uuid is null or r.payment_id = %(payment)s)
  and (%(status)s::text is null or r.status = %(status)s)
  and (%(before)s::uuid is null or r.id < %(before)s)
order by r.id desc
limit %(limit)s;

-- name: refunds_of_payment
-- Those that stand, the oldest first: one that was tried again is stood for by the other.
select r.account_id as account, h.uuid as account_uuid, r.id, r.tenant_id as tenant, r.payment_id as payment, r.gateway,
       r.cause, r.status, r.amount, r.currency, r.from_invoice, r.from_credit, r.surplus, r.invoice_id as invoice,
       r.credit_note_id as credit_note, r.take, r.taken, r.reason, r.ref, r.failure, r.worked, r.retried_by,
       r.created_by, r.created_at, r.ended_at, r.updated_at, r.due_at, r.retry_at, r.attempts
from refund r
join account_head h on h.account_id = r.account_id
where r.account_id = %(account)s and r.payment_id = %(payment)s and r.retried_by is null
order by r.id;

-- name: refunded_of_invoice
-- What refunds (those that stand) said went back of an invoice.
select coalesce(sum(from_invoice), 0)::bigint from refund
where account_id = %(account)s and invoice_id = %(invoice)s and retried_by is null;

-- name: tenants_due
-- The tenants that have a refund to see to, by their own time; ``waiting``: also one that waits to be tried again.
select t.id
from tenant t
where (%(tenant)s::int is null or t.id = %(tenant)s)
  and exists (select from refund r
              where r.tenant_id = t.id and r.due_at <= (select clock_timestamp()) + t.clock_ahead
                and (%(waiting)s or r.retry_at is null or r.retry_at <= (select clock_timestamp())))
order by t.id;

-- name: claim
-- Refunds to see to, the oldest first; for a minute nobody else takes them.
update refund r
set retry_at = clock_timestamp() + interval '1 minute'
from (select account_id, id
      from refund
      where tenant_id = %(tenant)s
        and due_at <= (select clock_timestamp() + clock_ahead from tenant where id = %(tenant)s)
        and (retry_at is null or retry_at <= (select clock_timestamp()))
      order by due_at, id
      limit %(limit)s
      for no key update skip locked) d
where r.account_id = d.account_id and r.id = d.id
returning r.account_id as account, r.id;

-- name: try_later
-- After ever longer waits of the machine's time, at most an hour.
update refund
set attempts = attempts + 1, failure = %(failure)s,
    retry_at = clock_timestamp() + interval '1 second' * least(3600, 2 ^ least(attempts + 1, 20))
where account_id = %(account)s and id = %(id)s and status = 'pending';

-- name: look_later
-- One that is on its way: in an hour of the tenant's time.
update refund r
set attempts = attempts + 1, failure = null, retry_at = null,
    due_at = clock_timestamp() + t.clock_ahead + interval '1 hour'
from tenant t
where r.account_id = %(account)s and r.id = %(id)s and r.status = 'pending' and t.id = r.tenant_id;

-- name: by_hand
update refund set due_at = null where account_id = %(account)s and id = %(id)s and status = 'pending';

-- Disputes ----------------------------------------------------------------------------------------------

-- name: insert_dispute
insert into dispute (account_id, id, tenant_id, payment_id, gateway, ref, status, amount, currency, reason, policy,
                     was_status, taken, evidence_due_at, opened_at, updated_at)
values (%(account)s, %(id)s, %(tenant)s, %(payment)s, %(gateway)s, %(ref)s, 'open', %(amount)s, %(currency)s,
        %(reason)s, %(policy)s, %(was_status)s, %(taken)s::json, %(evidence_due_at)s, %(opened_at)s, %(updated_at)s);

-- name: update_dispute
update dispute
set status = %(status)s, taken = %(taken)s::json, returned = %(returned)s::json, evidence_due_at = %(evidence_due_at)s,
    closed_at = %(closed_at)s, closed_by = %(closed_by)s, updated_at = %(updated_at)s
where account_id = %(account)s and id = %(id)s;

-- name: dispute
select d.account_id as account, h.uuid as account_uuid, d.id, d.tenant_id as tenant, d.payment_id as payment, d.gateway,
       d.ref, d.status, d.amount, d.currency, d.reason, d.policy, d.was_status, d.taken, d.returned, d.evidence_due_at,
       d.opened_at, d.closed_at, d.closed_by, d.updated_at
from dispute d
join account_head h on h.account_id = d.account_id
where d.tenant_id = %(tenant)s and d.account_id = %(account)s and d.id = %(id)s;

-- name: dispute_by_ref
select account_id as account, id from dispute
where tenant_id = %(tenant)s and gateway = %(gateway)s and ref = %(ref)s;

-- name: disputes
select d.account_id as account, h.uuid as account_uuid, d.id, d.tenant_id as tenant, d.payment_id as payment, d.gateway,
       d.ref, d.status, d.amount, d.currency, d.reason, d.policy, d.was_status, d.taken, d.returned, d.evidence_due_at,
       d.opened_at, d.closed_at, d.closed_by, d.updated_at
from dispute d
join account_head h on h.account_id = d.account_id
where d.tenant_id = %(tenant)s
  and (%(account)s::bigint is null or d.account_id = %(account)s)
  and (%(payment)s::uuid is null or d.payment_id = %(payment)s)
  and (%(status)s::text is null or d.status = %(status)s)
  and (%(before)s::uuid is null or d.id < %(before)s)
order by d.id desc
limit %(limit)s;

-- name: disputes_of_account
-- The oldest first.
select d.account_id as account, h.uuid as account_uuid, d.id, d.tenant_id as tenant, d.payment_id as payment, d.gateway,
       d.ref, d.status, d.amount, d.currency, d.reason, d.policy, d.was_status, d.taken, d.returned, d.evidence_due_at,
       d.opened_at, d.closed_at, d.closed_by, d.updated_at
from dispute d
join account_head h on h.account_id = d.account_id
where d.account_id = %(account)s
order by d.id;

-- Told too early ----------------------------------------------------------------------------------------

-- name: lock_ref
-- Who tells of a payment's refund, and who tells of the payment, wait for each other.
select pg_advisory_xact_lock(hashtextextended(%(gateway)s || chr(10) || %(ref)s, %(tenant)s));

-- name: keep_early
insert into early_notice (tenant_id, gateway, payment_ref, kind, ref, seen)
values (%(tenant)s, %(gateway)s, %(payment_ref)s, %(kind)s, %(ref)s, %(seen)s::json)
on conflict (tenant_id, gateway, payment_ref, kind, ref) do nothing;

-- name: early
select kind, seen from early_notice
where tenant_id = %(tenant)s and gateway = %(gateway)s and payment_ref = %(ref)s
order by created_at;

-- name: drop_early
delete from early_notice where tenant_id = %(tenant)s and gateway = %(gateway)s and payment_ref = %(ref)s;

-- name: purge_early
delete from early_notice where created_at < clock_timestamp() - interval '90 days';

-- name: tenant_of
select tenant_id from account_head where account_id = %(account)s;
