-- Events. Every query names the tenant.

-- name: insert_events
-- In their order. The rows name their tenants: a batch of the ledger has several.
insert into event (tenant_id, id, type, account_id, at, data)
select tenant_id, id, type, account_id, at, data
from json_populate_recordset(null::event, %(rows)s::json)

-- name: insert_known
-- An event that is told to one receiver alone: not fresh, so nobody else is asked.
insert into event (tenant_id, id, type, account_id, at, data, fresh)
values (%(tenant)s, %(id)s, %(type)s, %(account)s, %(at)s, %(data)s::json, false)
returning place

-- name: claim_fresh
-- Locks what nobody was asked about yet, in the order in which it happened to each account.
select tenant_id as tenant, place, id, type, account_id as account
from event
where fresh
order by place
limit %(limit)s
for no key update

-- name: mark_told
update event set fresh = false where fresh and place = any(%(places)s)

-- name: events
select tenant_id as tenant, place, id, type, account_id as account, at, data, created_at
from event
where tenant_id = %(tenant)s and place < %(before)s
    and (%(type)s::text is null or type = %(type)s)
    and (%(start)s::timestamptz is null or created_at >= %(start)s)
    and (%(end)s::timestamptz is null or created_at < %(end)s)
order by place desc
limit %(limit)s

-- name: events_of_account
select tenant_id as tenant, place, id, type, account_id as account, at, data, created_at
from event
where tenant_id = %(tenant)s and account_id = %(account)s and place < %(before)s
    and (%(type)s::text is null or type = %(type)s)
    and (%(start)s::timestamptz is null or created_at >= %(start)s)
    and (%(end)s::timestamptz is null or created_at < %(end)s)
order by place desc
limit %(limit)s

-- name: event
select tenant_id as tenant, place, id, type, account_id as account, at, data, created_at
from event
where tenant_id = %(tenant)s and id = %(id)s

-- name: between
select tenant_id as tenant, place, id, type, account_id as account
from event
where tenant_id = %(tenant)s and created_at >= %(start)s and created_at < %(end)s
    and (%(types)s::text[] is null or type = any(%(types)s))
order by place
limit %(limit)s

-- name: texts
-- Their data as it was written, to the byte.
select tenant_id as tenant, place, at, data::text as data
from event
where (tenant_id, place) in (select * from unnest(%(tenants)s::int[], %(places)s::bigint[]))

-- name: purge
delete from event
where (tenant_id, place) in (
    select tenant_id, place from event
    where created_at < clock_timestamp() - make_interval(days => %(days)s) and not fresh
    order by created_at
    limit %(limit)s
)
returning place
