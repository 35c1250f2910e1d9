-- Usage events. Batches come as arrays, one for a column; rows are reached by keys that start with the account.

-- name: accounts
select account_id, tenant_id, status, external_id from account_head where account_id = any(%(accounts)s);

-- name: insert_keys
-- Claims the ids of events. Who claims one at the same time is waited for, and then has it.
-- Tells how many were free.
with claimed as (
    insert into usage_key (account_id, key, id, request_hash)
    select * from unnest(%(accounts)s, %(keys)s, %(ids)s, %(hashes)s)
    on conflict do nothing
    returning 1
)
select count(*) from claimed;

-- name: keys
select k.account_id, k.key, k.id, k.request_hash
from unnest(%(accounts)s, %(keys)s) as n (account_id, key)
join usage_key k on k.account_id = n.account_id and k.key = n.key;

-- name: forget_keys
-- Declined events do not use up their ids: gone before anybody saw them.
delete from usage_key k
using unnest(%(accounts)s, %(keys)s) as n (account_id, key)
where k.account_id = n.account_id and k.key = n.key;

-- name: entries_of
select e.id, e.entry
from unnest(%(accounts)s, %(ids)s, %(received)s) as n (account_id, id, received_at)
join usage_event e on e.account_id = n.account_id and e.id = n.id and e.received_at = n.received_at;

-- name: insert_events
insert into usage_event (account_id, id, received_at, metric, quantity, at, event_id, subscription, metadata,
                         operation, entry)
select n.account_id, n.id, n.received_at, n.metric, n.quantity, n.at, n.event_id, n.subscription,
       n.metadata::json, n.operation, n.entry
from unnest(%(accounts)s, %(ids)s, %(received)s, %(metrics)s, %(quantities)s, %(ats)s, %(event_ids)s,
            %(subscriptions)s, %(metadata)s, %(operations)s, %(entries)s)
    as n (account_id, id, received_at, metric, quantity, at, event_id, subscription, metadata, operation, entry);

-- name: add_up
insert into usage_hour as h (account_id, metric, hour, count, sum)
select n.account_id, n.metric, n.hour, n.count, n.sum::numeric
from unnest(%(accounts)s, %(metrics)s, %(hours)s, %(counts)s, %(sums)s) as n (account_id, metric, hour, count, sum)
on conflict (account_id, metric, hour) do update set count = h.count + excluded.count, sum = h.sum + excluded.sum;

-- name: events
-- The newest received first. (Without a deleted one: those are read by their ids.)
select e.account_id as account, e.id, e.metric, e.quantity, e.at, e.event_id, e.metadata, e.subscription, e.operation,
       e.entry, e.received_at, e.changes, e.deleted_at
from usage_event e
where e.account_id = %(account)s and e.deleted_at is null
  and (%(before)s::uuid is null or e.id < %(before)s)
  and (%(metric)s::text is null or e.metric = %(metric)s)
  and (%(subscription)s::uuid is null or e.subscription = %(subscription)s)
  and (%(start)s::timestamptz is null or e.at >= %(start)s)
  and (%(end)s::timestamptz is null or e.at < %(end)s)
  and exists (select from account_head h where h.account_id = %(account)s and h.tenant_id = %(tenant)s)
order by e.id desc
limit %(limit)s;

-- name: event
select e.account_id as account, e.id, e.metric, e.quantity, e.at, e.event_id, e.metadata, e.subscription, e.operation,
       e.entry, e.received_at, e.changes, e.deleted_at
from usage_event e
where e.account_id = %(account)s and e.id = %(id)s and e.received_at = %(received)s
  and exists (select from account_head h where h.account_id = %(account)s and h.tenant_id = %(tenant)s);

-- name: changes_of
select number, kind, at, quantity, entry, actor, reason
from usage_change
where account_id = %(account)s and id = %(id)s
order by number;

-- name: lock_event
select account_id as account, id, metric, quantity, at, event_id, metadata, subscription, operation, entry,
       received_at, changes, deleted_at
from usage_event
where account_id = %(account)s and id = %(id)s and received_at = %(received)s
for no key update;

-- name: change_event
update usage_event
set quantity = %(quantity)s, entry = %(entry)s, changes = %(changes)s, deleted_at = %(deleted_at)s
where account_id = %(account)s and id = %(id)s and received_at = %(received)s;

-- name: insert_change
insert into usage_change (account_id, id, number, kind, at, quantity, entry, actor, reason)
values (%(account)s, %(id)s, %(number)s, %(kind)s, %(at)s, %(quantity)s, %(entry)s, %(actor)s, %(reason)s);

-- name: rolled
-- Count and sum of metrics in each window: its whole hours from the rollups, what is left at either end from the
-- events.
select m.metric, w.n::int, coalesce(sum(t.count), 0)::bigint, coalesce(sum(t.sum), 0)
from unnest(%(metrics)s::text[]) m (metric)
cross join unnest(%(starts)s, %(firsts)s, %(lasts)s, %(ends)s)
    with ordinality as w (start, first_hour, last_hour, stop, n)
cross join lateral (
    select h.count, h.sum from usage_hour h
    where h.account_id = %(account)s and h.metric = m.metric and h.hour >= w.first_hour and h.hour < w.last_hour
    union all
    select 1, e.quantity from usage_event e
    where w.start < w.first_hour and e.account_id = %(account)s and e.metric = m.metric and e.deleted_at is null
      and e.at >= w.start and e.at < w.first_hour
    union all
    select 1, e.quantity from usage_event e
    where w.last_hour < w.stop and e.account_id = %(account)s and e.metric = m.metric and e.deleted_at is null
      and e.at >= w.last_hour and e.at < w.stop
) t
where exists (select from account_head h where h.account_id = %(account)s and h.tenant_id = %(tenant)s)
group by m.metric, w.n;

-- name: tallied
-- From the events themselves: how many pass the filters in each window and group, their sum, their largest.
select w.n::int, g.values, count(*), coalesce(sum(v.value), 0), coalesce(max(v.value), 0)
from unnest(%(starts)s, %(ends)s) with ordinality as w (start, stop, n)
join usage_event e on e.account_id = %(account)s and e.metric = %(metric)s and e.deleted_at is null
                  and e.at >= w.start and e.at < w.stop
cross join lateral (
    select case when %(field)s::text is null then e.quantity::numeric
                when e.metadata ->> %(field)s::text ~ '^[0-9]{1,15}(\.[0-9]{1,30})?$'
                then trunc((e.metadata ->> %(field)s::text)::numeric * 1000000) end as value
) v
cross join lateral (
    select array(select e.metadata ->> f.name from unnest(%(group_by)s::text[]) with ordinality f (name, n) order by f.n)
        as values
) g
where v.value is not null
  and not exists (select from json_to_recordset(%(filters)s::json) as f (field text, "in" jsonb)
                  where not coalesce(f."in" ? (e.metadata ->> f.field), false))
  and exists (select from account_head h where h.account_id = %(account)s and h.tenant_id = %(tenant)s)
group by w.n, g.values;

-- name: distinct_values
-- How many values the field has in each window and group.
select w.n::int, g.values, count(distinct e.metadata ->> %(field)s::text)
from unnest(%(starts)s, %(ends)s) with ordinality as w (start, stop, n)
join usage_event e on e.account_id = %(account)s and e.metric = %(metric)s and e.deleted_at is null
                  and e.at >= w.start and e.at < w.stop
cross join lateral (
    select array(select e.metadata ->> f.name from unnest(%(group_by)s::text[]) with ordinality f (name, n) order by f.n)
        as values
) g
where e.metadata ->> %(field)s::text is not null
  and not exists (select from json_to_recordset(%(filters)s::json) as f (field text, "in" jsonb)
                  where not coalesce(f."in" ? (e.metadata ->> f.field), false))
  and exists (select from account_head h where h.account_id = %(account)s and h.tenant_id = %(tenant)s)
group by w.n, g.values;

-- name: latest
select distinct on (w.n, g.values) w.n::int, g.values, v.value
from unnest(%(starts)s, %(ends)s) with ordinality as w (start, stop, n)
join usage_event e on e.account_id = %(account)s and e.metric = %(metric)s and e.deleted_at is null
                  and e.at >= w.start and e.at < w.stop
cross join lateral (
    select case when %(field)s::text is null then e.quantity::numeric
                when e.metadata ->> %(field)s::text ~ '^[0-9]{1,15}(\.[0-9]{1,30})?$'
                then trunc((e.metadata ->> %(field)s::text)::numeric * 1000000) end as value
) v
cross join lateral (
    select array(select e.metadata ->> f.name from unnest(%(group_by)s::text[]) with ordinality f (name, n) order by f.n)
        as values
) g
where v.value is not null
  and not exists (select from json_to_recordset(%(filters)s::json) as f (field text, "in" jsonb)
                  where not coalesce(f."in" ? (e.metadata ->> f.field), false))
  and exists (select from account_head h where h.account_id = %(account)s and h.tenant_id = %(tenant)s)
order by w.n, g.values, e.at desc, e.id desc;

-- name: levels
-- The levels of a time-weighted meter, in their order: each group's last before the span, and all within it.
with passing as (
    select g.values, v.value, e.at, e.id
    from usage_event e
    cross join lateral (
        select case when %(field)s::text is null then e.quantity::numeric
                    when e.metadata ->> %(field)s::text ~ '^[0-9]{1,15}(\.[0-9]{1,30})?$'
                    then trunc((e.metadata ->> %(field)s::text)::numeric * 1000000) end as value
    ) v
    cross join lateral (
        select array(select e.metadata ->> f.name from unnest(%(group_by)s::text[]) with ordinality f (name, n) order by f.n)
            as values
    ) g
    where e.account_id = %(account)s and e.metric = %(metric)s and e.deleted_at is null and e.at < %(end)s
      and v.value is not null
      and not exists (select from json_to_recordset(%(filters)s::json) as f (field text, "in" jsonb)
                      where not coalesce(f."in" ? (e.metadata ->> f.field), false))
      and exists (select from account_head h where h.account_id = %(account)s and h.tenant_id = %(tenant)s)
), before as (
    select distinct on (p.values) p.values, p.value, p.at, p.id
    from passing p
    where p.at < %(start)s
    order by p.values, p.at desc, p.id desc
)
select values, value, at from (select * from before union all select * from passing where at >= %(start)s) l
order by at, id;

-- name: insert_meter
insert into meter (tenant_id, id, key, name, metric, aggregation, field, filters, group_by)
values (%(tenant)s, %(id)s, %(key)s, %(name)s, %(metric)s, %(aggregation)s, %(field)s, %(filters)s::json, %(group_by)s)
on conflict (tenant_id, key) do nothing;

-- name: change_meter
update meter set name = %(name)s, group_by = %(group_by)s, updated_at = clock_timestamp()
where tenant_id = %(tenant)s and id = %(id)s;

-- name: delete_meter
-- Hidden, and its key stays taken: plans that name it go on being billed by it.
update meter set deleted_at = clock_timestamp() where tenant_id = %(tenant)s and id = %(id)s;

-- name: restore_meter
update meter set deleted_at = null, updated_at = clock_timestamp()
where tenant_id = %(tenant)s and id = %(id)s;

-- name: meters
select id, tenant_id, key, name, metric, aggregation, field, filters, group_by, created_at, updated_at, deleted_at
from meter
where tenant_id = %(tenant)s and deleted_at is null and key > %(after)s
  and (%(metric)s::text is null or metric = %(metric)s)
order by key
limit %(limit)s;

-- name: meter
select id, tenant_id, key, name, metric, aggregation, field, filters, group_by, created_at, updated_at, deleted_at
from meter
where tenant_id = %(tenant)s and id = %(id)s;

-- name: meters_by_key
select id, tenant_id, key, name, metric, aggregation, field, filters, group_by, created_at, updated_at, deleted_at
from meter
where tenant_id = %(tenant)s and key = any(%(keys)s::text[]);

-- name: add_partitions
-- The partitions of this month and the two that follow; how many were made.
select count(*) filter (where add_usage_partition((date_trunc('month', clock_timestamp() at time zone 'UTC')
                                                   + n * interval '1 month')::date))
from generate_series(0, 2) n;
