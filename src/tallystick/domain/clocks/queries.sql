-- The clocks' statements. Each names the tenant; what happened is read from the logs of the domains below.

-- name: try_clock
-- One moves a tenant's clock at a time. While it is held, the sweeper leaves the tenant to its holder (see
-- lock_due_heads of the ledger, which looks for the same number).
select pg_try_advisory_xact_lock(1668049003, %(tenant)s::int)

-- name: clock
select clock_timestamp() + clock_ahead as now, clock_ahead as ahead, mode from tenant where id = %(tenant)s

-- name: happened
-- How often each kind of thing happened in a span, and the first things of all. An account's entries are in order
-- of time, so the first of the span is found by halves.
with happened as materialized (
    select c.at, 'subscription.' || c.kind as kind, s.account_id, s.id as subscription, null::uuid as invoice,
           null::bigint as entry, c.seq::bigint as place
    from subscription s
    join subscription_change c on c.account_id = s.account_id and c.subscription = s.id
    where s.tenant_id = %(tenant)s and c.at > %(after)s and c.at <= %(until)s
    union all
    select i.issued_at, 'invoice.issued', i.account_id, i.subscription_id, i.id, null, i.place
    from invoice i
    where i.tenant_id = %(tenant)s and i.issued_at > %(after)s and i.issued_at <= %(until)s
    union all
    -- what nobody asked for by hand, by the moment it was wanted for; see payments.model.AUTOMATIC
    select p.wanted_at, 'payment.' || p.status, p.account_id, null, p.invoice_id, null, p.number
    from payment p
    where p.tenant_id = %(tenant)s and p.cause in ('dunning', 'reload')
        and p.wanted_at > %(after)s and p.wanted_at <= %(until)s
    union all
    select e.effective_at, 'credits.expired', e.account_id, null, null, e.seq, e.seq
    from account_directory d
    join account_head h on h.account_id = d.account_id and h.last_at > %(after)s
    cross join lateral (
        with recursive bisect (low, high) as (
            select 1::bigint, h.seq + 1
            union all
            select case when x.effective_at <= %(after)s then mid + 1 else low end,
                   case when x.effective_at <= %(after)s then high else mid end
            from bisect, lateral (select (low + high) / 2 as mid) m
            join entry x on x.account_id = h.account_id and x.seq = m.mid
            where low < high
        )
        select low from bisect where low >= high
    ) first
    join entry e on e.account_id = h.account_id and e.seq >= first.low and e.kind = 'expire'
                and e.effective_at <= %(until)s
    where d.tenant_id = %(tenant)s
),
shown as (
    select * from happened order by at, account_id, kind, place limit %(most)s
)
select t.kind, t.total, s.at, s.account_id, a.uuid as account, s.subscription, s.invoice, s.entry
from (select kind, count(*) as total from happened group by kind) t
left join shown s on s.kind = t.kind
left join account a on a.account_id = s.account_id
order by s.at, s.account_id, s.kind, s.place
