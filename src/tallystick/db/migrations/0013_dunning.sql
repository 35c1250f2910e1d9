-- Collecting invoices: when they are charged and reminded of, and what waits for it. Cannot run while serving: it rewrites subscriptions.

-- Of an open invoice of a subscription, in the tenant's time: when a saved way to pay is charged next, and when its
-- customer is reminded next. ``collect_after`` is the machine's time: not before, while a payment is under way.
-- Invoices that were issued before are not collected by themselves.
alter table invoice
    add column collect_at    timestamptz,
    add column collect_after timestamptz,
    add column remind_at     timestamptz,
    add constraint invoice_collect check (status = 'open' or (collect_at is null and remind_at is null));
-- (A condition that no question about an account implies: those are for the indexes on accounts.)
create index invoice_collect on invoice (tenant_id, (least(collect_at, remind_at)), id)
    where least(collect_at, remind_at) is not null;

-- Accounts that have a saved way to pay: the invoices of their subscriptions are collected when they are issued.
create table collected_account (
    account_id bigint primary key
);

-- When a subscription's next step is due that waits for nothing. The end of a grace (``grace_until`` of one that is
-- active, ``unpaid_until`` of one that is past due) waits while an invoice of the account is still to be charged.
alter table subscription add column next_at timestamptz;
update subscription
set next_at = case when due_at = case status when 'active' then grace_until when 'past_due' then unpaid_until end
                   then period_end else due_at end
where due_at is not null;

-- When each subscription's next step is due that does not wait. (``least`` passes over nulls.)
create view subscription_step as
select s.account_id, s.id, s.tenant_id, s.due_at, s.failures, s.retry_at,
       least(s.next_at,
             case when w.grace_end is null then null
                  when not exists (select from invoice i
                                   where i.account_id = s.account_id and i.status = 'open'
                                     and i.collect_at <= w.grace_end) then w.grace_end
             end) as step_at
from subscription s
cross join lateral (
    select case s.status when 'active' then s.grace_until when 'past_due' then s.unpaid_until end as grace_end
) w;
