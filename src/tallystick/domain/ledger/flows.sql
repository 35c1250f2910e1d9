-- Where the credits of wallets come from and go to: whole credits by source. A lot is what came by one entry, whose
-- number is its id; by its source it is 'allocated' (a plan's), 'purchased' or 'bonus' (all else, and all that came by
-- a transfer). What was owed counts as 'consumed'.

-- name: flow_opening
-- What of each source of a wallet was unspent when a period began, in microcredits: what is left now, less what the
-- entries since brought, and with what they drew. Together the parts are what was posted then. ``low`` is the first
-- entry of the period, the account's next where there is none yet. One statement: one moment.
with asked as materialized (
    select n.place, n.account, n.credit_type, b.low
    from unnest(%(accounts)s, %(types)s, %(starts)s) with ordinality as n (account, credit_type, start, place)
    cross join lateral (
        with recursive bisect (low, high) as (
            select 1::bigint, (select seq + 1 from account_head where account_id = n.account)
            union all
            select case when e.effective_at < n.start then mid + 1 else low end,
                   case when e.effective_at < n.start then high else mid end
            from bisect, lateral (select (low + high) / 2 as mid) m
            join entry e on e.account_id = n.account and e.seq = m.mid
            where low < high
        )
        select low from bisect where low >= high
    ) b
),
moved as (
    select a.place, a.account, (part.value ->> 0)::bigint as lot, sum((part.value ->> 1)::bigint) as amount
    from asked a
    join entry e on e.account_id = a.account and e.seq >= a.low and e.credit_type = a.credit_type
    cross join lateral jsonb_array_elements(e.splits) as part (value)
    group by 1, 2, 3
),
lots as (
    select a.place, a.account, g.id as lot, g.remaining as amount
    from asked a
    join credit_grant g on g.account_id = a.account and g.credit_type = a.credit_type and not g.closed
    union all
    select a.place, a.account, 0, -w.owed
    from asked a
    join wallet w on w.account_id = a.account and w.credit_type = a.credit_type
    union all
    select place, account, lot, -amount from moved
)
select a.place::int as place, a.low, coalesce(p.part, 'consumed') as part, coalesce(sum(p.amount), 0)::bigint as amount
from asked a
left join lateral (
    select case when l.lot = 0 then 'consumed'
                when exists (select from entry m
                             where m.account_id = l.account and m.seq = l.lot and m.kind = 'transfer') then 'bonus'
                when g.source = 'plan' then 'allocated'
                when g.source = 'purchase' then 'purchased'
                else 'bonus'
           end as part,
           l.amount
    from lots l
    left join credit_grant g on g.account_id = l.account and g.id = l.lot
    where l.place = a.place
) p on true
group by 1, 2, 3

-- name: flows
-- What the entries of spans (after, until] did to each source, in whole credits: differences of balances rounded down.
-- Usage, what is given back of it, and outgoing transfers are consumed; what is given back of usage from before
-- ``low``, where the period began, returns to the sources it was of.
select n.place::int as place, p.part, sum(p.whole)::bigint as whole
from unnest(%(accounts)s, %(types)s, %(lows)s, %(afters)s, %(untils)s) with ordinality
    as n (account, credit_type, low, after, until, place)
join entry e on e.account_id = n.account and e.seq > n.after and e.seq <= n.until and e.credit_type = n.credit_type
cross join lateral (
    select e.contra like 'usage%%' and coalesce(e.reverses >= n.low, true) or e.kind = 'transfer' and e.amount < 0 as spent,
           e.kind in ('grant', 'transfer', 'adjust') and e.amount > 0 as came,
           e.posted_after - e.amount as before
) is_
cross join lateral (
    select case when is_.spent then 'consumed'
                when e.contra = 'plan' then 'allocated'
                when e.contra = 'purchase' then 'purchased'
                else 'bonus'
           end as part,
           (e.amount - mod(mod(e.posted_after, 1000000) + 1000000, 1000000)
            + mod(mod(is_.before, 1000000) + 1000000, 1000000)) / 1000000 as whole
    where is_.spent or is_.came
    union all
    select case when s.lot = 0 then 'consumed'
                when exists (select from entry m
                             where m.account_id = e.account_id and m.seq = s.lot and m.kind = 'transfer') then 'bonus'
                when g.source = 'plan' then 'allocated'
                when g.source = 'purchase' then 'purchased'
                else 'bonus'
           end,
           (floor((is_.before + s.upto) / 1000000) - floor((is_.before + s.upto - s.amount) / 1000000))::bigint
    from (select (part.value ->> 0)::bigint as lot, (part.value ->> 1)::numeric as amount,
                 sum((part.value ->> 1)::numeric) over (order by part.ordinality) as upto
          from jsonb_array_elements(case when is_.spent or is_.came then '[]' else e.splits end)
               with ordinality as part) s
    left join credit_grant g on g.account_id = e.account_id and g.id = s.lot
) p
group by 1, 2
order by 1
