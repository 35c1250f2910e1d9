-- What accounts use of limited features. The account's tenant was checked by its head.

-- name: used
select used from feature_usage where account_id = %(account)s and feature_id = %(feature)s and scope = %(scope)s

-- name: uses
-- All that an account uses, by feature and scope.
select feature_id, scope, used
from feature_usage
where account_id = %(account)s and used > 0
order by feature_id, scope

-- name: add_use
-- Under the account's head, which is what makes a limit hold.
insert into feature_usage (account_id, feature_id, scope, used)
values (%(account)s, %(feature)s, %(scope)s, %(units)s)
on conflict (account_id, feature_id, scope) do update set used = feature_usage.used + excluded.used
returning used

-- name: take_use
-- Under the account's head; never below nothing.
update feature_usage set used = greatest(used - %(units)s, 0)
where account_id = %(account)s and feature_id = %(feature)s and scope = %(scope)s
returning used

-- name: held
-- What the account is subscribed to, as far as features are concerned; ``due``: a step of it is due by ``now``.
select s.id, s.status, s.terms, coalesce(n.step_at <= %(now)s and s.failures = 0, false) as due
from subscription s
join subscription_step n on n.account_id = s.account_id and n.id = s.id
where s.account_id = %(account)s and s.status not in ('cancelled', 'ended')

-- name: fallen_due
select s.account_id
from subscription_step s
join tenant t on t.id = s.tenant_id
where s.account_id = any(%(accounts)s) and s.failures = 0
  and s.step_at <= (select clock_timestamp()) + t.clock_ahead

-- name: due_of
-- Subscriptions of these accounts of which a step is due by ``now``, or was done within the last minute of the
-- machine's clock, while somebody may have waited.
select s.account_id as account, s.id, s.step_at <= %(now)s as due
from subscription_step s
where s.tenant_id = %(tenant)s and s.account_id = any(%(accounts)s::bigint[])
  and (s.step_at <= %(now)s and s.failures = 0
       or (select c.recorded_at from subscription_change c
           where c.account_id = s.account_id and c.subscription = s.id
           order by c.seq desc limit 1) > pg_catalog.clock_timestamp() - interval '1 minute')
order by s.account_id, s.due_at, s.id

-- name: allowances
-- The allowances that run now; of several of one credit type, the one that is reset first comes last.
select p.credit_type, p.granted + p.rolled as allocated, p.period_start, p.period_end
from allowance_period p
join subscription s on s.account_id = p.account_id and s.id = p.subscription
where p.account_id = %(account)s and p.open and s.status in ('trialing', 'active', 'past_due', 'paused')
order by p.credit_type, p.period_end desc nulls first
