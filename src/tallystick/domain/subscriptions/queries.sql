-- Subscriptions, their log, allowances and what was billed of usage. Rows are reached by an account whose tenant
-- was checked under its lock, or the query names the tenant.

-- name: subscription
select account_id as account, id, tenant_id as tenant, plan_id as plan, version, plan_name, terms, overrides, recurring,
       status, billing, time_zone, anchor, started_at, waiting, trial_end, period_start, period_end, usage_since,
       cancel_at_period_end, cancel_reason, cancelled_at, ended_at, scheduled, paused_at, resume_at, past_due_since,
       grace_until, unpaid_until, changes, due_at, metadata, created_at, updated_at
from subscription
where account_id = %(account)s and id = %(id)s and tenant_id = %(tenant)s

-- name: subscriptions
-- Newest first: ids are made in the order of time.
select account_id as account, id, tenant_id as tenant, plan_id as plan, version, plan_name, terms, overrides, recurring,
       status, billing, time_zone, anchor, started_at, waiting, trial_end, period_start, period_end, usage_since,
       cancel_at_period_end, cancel_reason, cancelled_at, ended_at, scheduled, paused_at, resume_at, past_due_since,
       grace_until, unpaid_until, changes, due_at, metadata, created_at, updated_at
from subscription
where tenant_id = %(tenant)s
  and (%(account)s::bigint is null or account_id = %(account)s)
  and (%(plan)s::uuid is null or plan_id = %(plan)s)
  and (%(status)s::text is null or status = %(status)s)
  and (%(before)s::uuid is null or id < %(before)s)
order by id desc
limit %(limit)s

-- name: subscriptions_of
-- Those of some accounts, the newest first.
select account_id as account, id, tenant_id as tenant, plan_id as plan, version, plan_name, terms, overrides, recurring,
       status, billing, time_zone, anchor, started_at, waiting, trial_end, period_start, period_end, usage_since,
       cancel_at_period_end, cancel_reason, cancelled_at, ended_at, scheduled, paused_at, resume_at, past_due_since,
       grace_until, unpaid_until, changes, due_at, metadata, created_at, updated_at
from subscription
where tenant_id = %(tenant)s and account_id = any(%(accounts)s::bigint[])
  and (not %(live)s or status not in ('cancelled', 'ended'))
order by account_id, id desc

-- name: current
select account_id as account, id, tenant_id as tenant, plan_id as plan, version, plan_name, terms, overrides, recurring,
       status, billing, time_zone, anchor, started_at, waiting, trial_end, period_start, period_end, usage_since,
       cancel_at_period_end, cancel_reason, cancelled_at, ended_at, scheduled, paused_at, resume_at, past_due_since,
       grace_until, unpaid_until, changes, due_at, metadata, created_at, updated_at
from subscription
where account_id = %(account)s and tenant_id = %(tenant)s
  and recurring and status not in ('cancelled', 'ended')

-- name: first_trial
select min(started_at) from subscription where account_id = %(account)s and trial_end is not null

-- name: billed
-- How events are billed: of each account its live subscription (the recurring one before those paid once), and
-- those that events name. By primary key alone.
select account_id, id, status, terms -> 'debits'
from subscription
where account_id = any(%(accounts)s)
  and (status in ('trialing', 'active', 'past_due') or id = any(%(ids)s))
order by account_id, recurring desc, id desc

-- name: plan_in_use
select exists (select from subscription
               where tenant_id = %(tenant)s and status not in ('cancelled', 'ended')
                 and (plan_id = %(plan)s or scheduled ->> 'plan' = %(plan)s::text))

-- name: plan_uses
select plan_id as plan, count(*) as count
from subscription
where tenant_id = %(tenant)s and status not in ('cancelled', 'ended')
group by plan_id

-- name: changes
select account_id as account, subscription, seq, at, kind, by, details
from subscription_change
where account_id = %(account)s and subscription = %(subscription)s and seq < %(before)s
order by seq desc
limit %(limit)s

-- name: allowance_periods
select account_id as account, subscription, credit_type, period_start, period_end, anchor, reset, amount, granted,
       rolled, open
from allowance_period
where account_id = %(account)s and (%(subscription)s::uuid is null or subscription = %(subscription)s)
  and (%(open)s::boolean is null or open = %(open)s)
order by credit_type, period_start

-- name: lots
select account_id as account, grant_id, subscription, credit_type, amount, rolls, expires_at, withdrawn, closed
from allowance_lot
where account_id = %(account)s and subscription = %(subscription)s and not closed
order by grant_id

-- name: used_before
-- What was used of allowances that would still run, of an account's other subscriptions that are over and cost nothing
-- in advance or were of the calendar. What was rolled over counts where it was given.
select l.credit_type, sum(l.amount - l.withdrawn)::bigint as used
from allowance_lot l
join subscription s on s.account_id = l.account_id and s.id = l.subscription
where l.account_id = %(account)s and l.subscription <> %(subscription)s and l.rolls = 0
  and (l.expires_at is null or l.expires_at > %(at)s)
  and s.recurring and s.status in ('cancelled', 'ended')
  and (s.billing = 'calendar'
       or not exists (select from json_to_recordset(coalesce(s.terms -> 'components', '[]')) c (kind text, amount bigint)
                      where c.kind = 'flat' and c.amount > 0))
group by l.credit_type

-- name: usage_billed
-- What could still be corrected when the account's usage was last billed, by subscriptions in this currency.
select b.account_id as account, b.subscription, b.component, b.window_start, b.window_end, b.terms, b.quantity
from usage_billed b
join subscription s on s.account_id = b.account_id and s.id = b.subscription
where b.account_id = %(account)s and s.terms ->> 'currency' = %(currency)s
  and b.window_end > least(%(since)s, (select max(l.window_end) from usage_billed l
                                       where l.account_id = %(account)s)) - %(late)s
order by b.window_start, b.component

-- name: billed_until
-- Until when usage of an account was billed, or was another subscription's to bill.
select max(until)
from (select window_end as until from usage_billed where account_id = %(account)s
      union all
      select ended_at from subscription where account_id = %(account)s and recurring) u

-- name: insert_subscription
insert into subscription select * from json_populate_record(null::subscription, %(row)s::json)

-- name: update_subscription
update subscription s
set plan_id = n.plan_id, version = n.version, plan_name = n.plan_name, terms = n.terms, overrides = n.overrides,
    recurring = n.recurring, status = n.status, anchor = n.anchor, waiting = n.waiting, trial_end = n.trial_end,
    period_start = n.period_start, period_end = n.period_end, usage_since = n.usage_since,
    cancel_at_period_end = n.cancel_at_period_end, cancel_reason = n.cancel_reason, cancelled_at = n.cancelled_at,
    ended_at = n.ended_at, scheduled = n.scheduled, paused_at = n.paused_at, resume_at = n.resume_at,
    past_due_since = n.past_due_since, grace_until = n.grace_until, unpaid_until = n.unpaid_until,
    changes = n.changes, due_at = n.due_at, next_at = n.next_at, failures = 0, retry_at = null, metadata = n.metadata,
    updated_at = n.updated_at
from json_populate_record(null::subscription, %(row)s::json) n
where s.account_id = n.account_id and s.id = n.id

-- name: insert_changes
insert into subscription_change (account_id, subscription, seq, at, kind, by, details)
select account_id, subscription, seq, at, kind, by, details
from json_populate_recordset(null::subscription_change, %(rows)s::json)

-- name: put_periods
insert into allowance_period select * from json_populate_recordset(null::allowance_period, %(rows)s::json)
on conflict (account_id, subscription, credit_type, period_start) do update
set period_end = excluded.period_end, anchor = excluded.anchor, reset = excluded.reset, amount = excluded.amount,
    granted = excluded.granted, rolled = excluded.rolled, open = excluded.open

-- name: put_lots
insert into allowance_lot select * from json_populate_recordset(null::allowance_lot, %(rows)s::json)
on conflict (account_id, grant_id) do update set withdrawn = excluded.withdrawn, closed = excluded.closed

-- name: put_usage
insert into usage_billed select * from json_populate_recordset(null::usage_billed, %(rows)s::json)
on conflict (account_id, subscription, component, window_start) do update set quantity = excluded.quantity

-- name: tenants_due
-- The tenants that have something due, by their own time. A tenant whose clock somebody is moving is left to them (see
-- lock_due_heads of the ledger): they have things done in order.
select t.id
from tenant t
where case when %(tenant)s::int is not null then t.id = %(tenant)s
           else t.id <> all (array(select objid::int from pg_locks
                                   where locktype = 'advisory' and classid = 1668049003 and objsubid = 2
                                     and database = (select oid from pg_database
                                                     where datname = current_database())))
      end
  and exists (select from subscription s
              where s.tenant_id = t.id and s.due_at <= (select clock_timestamp()) + t.clock_ahead)
order by t.id

-- name: anything_due
-- Whether a tenant has a step that is due and waits for nothing, locked or failed as it may be.
select exists (
    select from subscription_step s
    where s.tenant_id = %(tenant)s and s.due_at <= %(now)s and s.step_at <= %(now)s
      and not (%(in_order)s
               and exists (select from invoice i
                           where i.account_id = s.account_id and i.status = 'open'
                             and (i.collect_at <= s.step_at or i.remind_at <= s.step_at))
               and not exists (select from invoice i
                               where i.account_id = s.account_id and i.status = 'open'
                                 and i.collect_after > (select clock_timestamp())))
)

-- name: by_index
-- For the rest of the transaction. Plans are kept: one made while tables were small must not read all of large ones.
set local enable_seqscan = off

-- name: claim
-- What is due of a tenant, the oldest first, with its accounts' heads locked; those that somebody else has locked
-- are left, and so are those that failed, until they are tried again.
select s.account_id as account, s.id, s.step_at as due_at
from subscription_step s
join account_head h on h.account_id = s.account_id
where s.tenant_id = %(tenant)s and s.due_at <= %(now)s and s.step_at <= %(now)s
  and (s.retry_at is null or s.retry_at <= (select clock_timestamp()))
  -- in order with what the collector does of the account's invoices, unless that waits for a payment under way
  and not (%(in_order)s
           and exists (select from invoice i
                       where i.account_id = s.account_id and i.status = 'open'
                         and (i.collect_at <= s.step_at or i.remind_at <= s.step_at))
           and not exists (select from invoice i
                           where i.account_id = s.account_id and i.status = 'open'
                             and i.collect_after > (select clock_timestamp())))
order by s.due_at, s.id
limit %(limit)s
for no key update of h skip locked

-- name: due_before
-- What an account's subscriptions have due before a moment, the oldest first. Under its head.
select account_id as account, id, due_at
from subscription
where account_id = %(account)s and tenant_id = %(tenant)s and due_at < %(before)s and failures = 0
order by due_at, id

-- name: note_failure
-- Tried again after 1, 2, 4 ... minutes, at most an hour. Its ``due_at`` stays: done late, it does what it would have.
update subscription
set failures = failures + 1,
    retry_at = clock_timestamp() + least(60, 2 ^ least(failures, 6)) * interval '1 minute'
where account_id = %(account)s and id = %(id)s

-- name: monthly_plan
-- An account's time zone, and the allowances of its recurring subscription while features may be used by it.
select a.time_zone, s.terms -> 'allowances' as allowances
from account a
left join subscription s on s.account_id = a.account_id and s.recurring
                            and s.status in ('trialing', 'active', 'past_due')
where a.account_id = %(account)s and a.tenant_id = %(tenant)s
