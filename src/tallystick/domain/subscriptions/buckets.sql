-- What accounts are subscribed to, as far as their credits are concerned. The account's tenant is in the row.

-- name: standing
-- Of many accounts at once: a row for each open allowance of each subscription that is not over, at least one an account.
select h.account_id as account, h.tenant_id as tenant, a.time_zone, c.now + t.clock_ahead as at, t.clock_ahead > '0' as ahead,
       s.id as subscription, s.status, s.recurring, s.period_start, s.period_end, s.terms -> 'features' as features,
       case when s.failures = 0 then n.step_at end as step_at,
       p.credit_type, p.period_start as allowance_start, p.period_end as allowance_end
from (select clock_timestamp() as now) c
cross join account_head h
join account a on a.account_id = h.account_id
join tenant t on t.id = h.tenant_id
left join subscription s on s.account_id = h.account_id and s.status not in ('cancelled', 'ended')
left join subscription_step n on n.account_id = s.account_id and n.id = s.id
left join allowance_period p on p.account_id = s.account_id and p.subscription = s.id and p.open
where h.account_id = any(%(accounts)s)

-- name: allowance_at
-- The span that an allowance ran in at a moment; of several the one that was reset first.
select period_start as start, period_end as end
from allowance_period
where account_id = %(account)s and credit_type = %(credit_type)s
  and period_start <= %(at)s and (period_end is null or period_end > %(at)s)
order by period_end, period_start desc
limit 1
