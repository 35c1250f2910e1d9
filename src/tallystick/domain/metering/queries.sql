-- Counts come as arrays, one for a column, and are appended; one folder at a time adds them up, so that nobody waits
-- for anybody's rows.

-- name: append
insert into request_fresh (account_id, minute, route, ok, count)
select * from unnest(%(accounts)s, %(minutes)s, %(routes)s, %(oks)s, %(counts)s);

-- name: only_folder
-- Whether this transaction is the one that may fold.
select pg_try_advisory_xact_lock(7258134905220418);

-- name: fold
-- Moves what was appended into minutes and days; how many rows that were.
with taken as (
    delete from request_fresh
    where ctid = any (array(select ctid from request_fresh limit %(most)s))
    returning account_id, minute, route, ok, count
), minutes as (
    insert into request_count as c (account_id, minute, route, ok, count)
    select account_id, minute, route, ok, sum(count) from taken group by 1, 2, 3, 4
    on conflict (account_id, minute, route, ok) do update set count = c.count + excluded.count
), days as (
    insert into request_day as c (account_id, day, route, ok, count)
    select account_id, (minute at time zone 'UTC')::date, route, ok, sum(count) from taken group by 1, 2, 3, 4
    on conflict (account_id, day, route, ok) do update set count = c.count + excluded.count
)
select count(*) from taken;

-- name: check_accounts
-- The moment, and how many of the accounts are not the tenant's.
select clock_timestamp(),
       (select count(*) from unnest(%(accounts)s) as n (account_id)
        where not exists (select from account_head h
                          where h.account_id = n.account_id and h.tenant_id = %(tenant)s));

-- name: usage
-- Whole days from the days, what is left at either end from the minutes, and what is not folded yet.
select route, ok, sum(count)::bigint
from (
    select route, ok, count from request_day
    where account_id = %(account)s and day >= %(first_day)s and day < %(end_day)s
    union all
    select route, ok, count from request_count
    where account_id = %(account)s and minute >= %(start)s and minute < %(head_end)s
    union all
    select route, ok, count from request_count
    where account_id = %(account)s and minute >= %(tail_start)s and minute < %(end)s
    union all
    select route, ok, count from request_fresh
    where account_id = %(account)s and minute >= %(start)s and minute < %(end)s
) c
where exists (select from account_head h where h.account_id = %(account)s and h.tenant_id = %(tenant)s)
group by route, ok
order by route, ok;

-- name: total
select (coalesce((select sum(count) from request_day where account_id = %(account)s), 0)
        + coalesce((select sum(count) from request_fresh where account_id = %(account)s), 0))::bigint
where exists (select from account_head h where h.account_id = %(account)s and h.tenant_id = %(tenant)s);
