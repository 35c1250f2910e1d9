-- Webhook endpoints and deliveries. Times are the machine's.
-- Locks: endpoints in order of their ids, then deliveries.

-- name: endpoints
select tenant_id as tenant, id, url, description, types, ordered, enabled, previous_until, failing_since, failures,
    disabled_at, disabled_reason, created_at, updated_at
from webhook_endpoint
where tenant_id = %(tenant)s and deleted_at is null
order by created_at desc, id desc

-- name: endpoint
select tenant_id as tenant, id, url, description, types, ordered, enabled, previous_until, failing_since, failures,
    disabled_at, disabled_reason, created_at, updated_at
from webhook_endpoint
where tenant_id = %(tenant)s and id = %(id)s and deleted_at is null

-- name: lock_endpoint
select 1 from webhook_endpoint
where tenant_id = %(tenant)s and id = %(id)s and deleted_at is null
for no key update

-- name: count_endpoints
select count(*) from webhook_endpoint where tenant_id = %(tenant)s and deleted_at is null

-- name: insert_endpoint
insert into webhook_endpoint
    (tenant_id, id, url, description, types, ordered, enabled, secret, disabled_at, disabled_reason)
values (%(tenant)s, %(id)s, %(url)s, %(description)s, %(types)s, %(ordered)s, %(enabled)s, %(secret)s,
    case when not %(enabled)s then clock_timestamp() end, case when not %(enabled)s then 'manual' end)

-- name: update_endpoint
-- Enabled again it begins anew: what failed before is forgotten.
update webhook_endpoint
set url = %(url)s, description = %(description)s, types = %(types)s, ordered = %(ordered)s, enabled = %(enabled)s,
    failing_since = case when %(enabled)s and not enabled then null else failing_since end,
    failures = case when %(enabled)s and not enabled then 0 else failures end,
    disabled_at = case when not %(enabled)s then coalesce(disabled_at, clock_timestamp()) end,
    disabled_reason = case when not %(enabled)s then coalesce(disabled_reason, 'manual') end,
    updated_at = clock_timestamp()
where tenant_id = %(tenant)s and id = %(id)s

-- name: rotate_secret
update webhook_endpoint
set secret = %(secret)s,
    previous_secret = case when %(overlap)s > 0 then secret end,
    previous_until = case when %(overlap)s > 0 then clock_timestamp() + make_interval(secs => %(overlap)s) end,
    updated_at = clock_timestamp()
where tenant_id = %(tenant)s and id = %(id)s

-- name: delete_endpoint
-- Its secrets are gone for good.
update webhook_endpoint
set deleted_at = clock_timestamp(), enabled = false, disabled_at = coalesce(disabled_at, clock_timestamp()),
    secret = '', previous_secret = null, previous_until = null, updated_at = clock_timestamp()
where tenant_id = %(tenant)s and id = %(id)s

-- name: cancel_deliveries
update webhook_delivery
set status = 'cancelled', due_at = null, waiting = false, in_flight = false, ended_at = clock_timestamp()
where tenant_id = %(tenant)s and endpoint_id = %(id)s and status = 'pending'

-- name: order_deliveries
-- What is pending goes from now on in order, or not. Afterwards `release` lets the first of each customer go.
update webhook_delivery
set ordered = %(ordered)s and account_id is not null,
    waiting = %(ordered)s and account_id is not null and not in_flight
where tenant_id = %(tenant)s and endpoint_id = %(id)s and status = 'pending'
returning account_id as account

-- name: receivers
-- The endpoints that are told of what happens. Until the commit none is deleted, and no delivery of theirs ends.
select tenant_id as tenant, id, types, ordered
from webhook_endpoint
where tenant_id = any(%(tenants)s) and enabled and deleted_at is null
order by id
for share

-- name: try_fan_out
select pg_try_advisory_xact_lock(%(lock)s)

-- name: insert_deliveries
insert into webhook_delivery
    (tenant_id, id, endpoint_id, event_place, event_id, event_type, account_id, ordered, waiting, due_at)
select tenant_id, id, endpoint_id, event_place, event_id, event_type, account_id, ordered, ordered, clock_timestamp()
from json_populate_recordset(null::webhook_delivery, %(rows)s::json)
on conflict (event_place, endpoint_id) do nothing

-- name: replay_deliveries
-- The deliveries of these events to an endpoint, made where there is none, to be sent again from the first try on. What
-- is on its way already stays as it is.
insert into webhook_delivery as d
    (tenant_id, id, endpoint_id, event_place, event_id, event_type, account_id, ordered, waiting, due_at)
select tenant_id, id, endpoint_id, event_place, event_id, event_type, account_id, ordered, ordered, clock_timestamp()
from json_populate_recordset(null::webhook_delivery, %(rows)s::json)
on conflict (event_place, endpoint_id) do update
set status = 'pending', ordered = excluded.ordered, waiting = excluded.ordered, in_flight = false, failures = 0,
    due_at = clock_timestamp(), ended_at = null
where d.status <> 'pending'

-- name: replay_failed
update webhook_delivery
set status = 'pending', ordered = %(ordered)s and account_id is not null,
    waiting = %(ordered)s and account_id is not null, failures = 0, due_at = clock_timestamp(), ended_at = null
where event_place = any(%(places)s) and endpoint_id = %(id)s and status in ('failed', 'cancelled')
returning account_id as account

-- name: replay_now
-- One that waits for its next try is tried now; one that is being sent is left alone.
update webhook_delivery
set due_at = clock_timestamp()
where tenant_id = %(tenant)s and id = %(id)s and status = 'pending' and not in_flight and not waiting

-- name: release
-- Where nothing of a customer is on its way to an ordered endpoint, the first that waits may go.
update webhook_delivery d
set waiting = false, due_at = clock_timestamp()
from (select distinct * from unnest(%(endpoints)s::uuid[], %(accounts)s::bigint[]) as p (endpoint_id, account_id)) p
cross join lateral (
    select w.tenant_id, w.place from webhook_delivery w
    where w.endpoint_id = p.endpoint_id and w.account_id = p.account_id and w.status = 'pending' and w.ordered
        and w.waiting
    order by w.event_place
    limit 1
) first
where d.tenant_id = first.tenant_id and d.place = first.place and not exists (
    select 1 from webhook_delivery w
    where w.endpoint_id = p.endpoint_id and w.account_id = p.account_id and w.status = 'pending' and w.ordered
        and not w.waiting
)

-- name: claim
-- Takes what is due, each endpoint's share and in turns, for as long as the lease; what others have locked is theirs.
-- ``busy`` says how many of each endpoint the caller has on its way.
with recursive standing as (
    (
        select tenant_id, endpoint_id from webhook_delivery
        where due_at is not null and not waiting
        order by tenant_id, endpoint_id
        limit 1
    )
    union all
    select following.tenant_id, following.endpoint_id
    from standing s
    cross join lateral (
        select d.tenant_id, d.endpoint_id from webhook_delivery d
        where d.due_at is not null and not d.waiting
            and (d.tenant_id, d.endpoint_id) > (s.tenant_id, s.endpoint_id)
        order by d.tenant_id, d.endpoint_id
        limit 1
    ) following
), due as (
    select d.tenant_id, d.place, d.endpoint_id, d.due_at
    from standing s
    join webhook_endpoint e on e.tenant_id = s.tenant_id and e.id = s.endpoint_id
        and e.enabled and e.deleted_at is null
    left join unnest(%(busy)s::uuid[], %(counts)s::int[]) as b (id, count) on b.id = e.id
    cross join lateral (
        select w.tenant_id, w.place, w.endpoint_id, w.due_at
        from webhook_delivery w
        where w.tenant_id = s.tenant_id and w.endpoint_id = s.endpoint_id and not w.waiting
            and w.due_at <= statement_timestamp()
        order by w.due_at
        limit greatest(0, %(each)s - coalesce(b.count, 0))
        for no key update skip locked
    ) d
), chosen as (
    select tenant_id, place
    from (
        select *, row_number() over (partition by endpoint_id order by due_at) as turn from due
    ) t
    order by turn, due_at
    limit %(room)s
)
update webhook_delivery d
set attempts = d.attempts + 1, in_flight = true, due_at = clock_timestamp() + make_interval(secs => %(lease)s)
from chosen c, webhook_endpoint e
where d.tenant_id = c.tenant_id and d.place = c.place and e.tenant_id = d.tenant_id and e.id = d.endpoint_id
returning d.tenant_id as tenant, d.place, d.id, d.endpoint_id as endpoint, d.event_place, d.event_id as event,
    d.event_type, d.account_id as account, d.ordered, d.attempts as attempt, d.failures, e.url, e.secret,
    case when e.previous_until > clock_timestamp() then e.previous_secret end as previous_secret

-- name: lock_changed
-- The endpoints whose state or order the results of these deliveries may change.
select 1 from webhook_endpoint
where (tenant_id, id) in (select * from unnest(%(tenants)s::int[], %(endpoints)s::uuid[]))
    and (ordered or failing_since is not null or id = any(%(failed)s))
order by id
for no key update

-- name: insert_attempts
insert into webhook_attempt
select * from json_populate_recordset(null::webhook_attempt, %(rows)s::json)
on conflict (delivery_place, number) do nothing

-- name: record
-- What came of each try. A success counts however late it is told; a failure only of the latest try.
update webhook_delivery d
set status = r.status,
    in_flight = false,
    failures = d.failures + case when r.status = 'succeeded' then 0 else 1 end,
    last_status = r.last_status,
    last_error = r.last_error,
    due_at = case when r.status = 'pending' then clock_timestamp() + make_interval(secs => r.wait) end,
    ended_at = case when r.status <> 'pending' then clock_timestamp() end
from json_to_recordset(%(rows)s::json)
    as r (tenant_id int, place bigint, number int, status text, wait float8, last_status int, last_error text)
where d.tenant_id = r.tenant_id and d.place = r.place and d.status = 'pending'
    and (r.status = 'succeeded' or d.attempts = r.number)

-- name: endpoints_well
update webhook_endpoint
set failing_since = null, failures = 0
where (tenant_id, id) in (select * from unnest(%(tenants)s::int[], %(endpoints)s::uuid[]))
    and failing_since is not null

-- name: endpoints_failing
update webhook_endpoint e
set failing_since = coalesce(e.failing_since, r.since), failures = e.failures + r.count
from json_to_recordset(%(rows)s::json) as r (tenant_id int, id uuid, since timestamptz, count int)
where e.tenant_id = r.tenant_id and e.id = r.id

-- name: disable_endpoints
update webhook_endpoint
set enabled = false, disabled_at = clock_timestamp(), updated_at = clock_timestamp(),
    disabled_reason = case when id = any(%(gone)s) then 'gone' else 'failing' end
where (tenant_id, id) in (select * from unnest(%(tenants)s::int[], %(endpoints)s::uuid[]))
    and enabled and deleted_at is null
    and (id = any(%(gone)s)
        or (failures >= %(least)s and failing_since <= clock_timestamp() - make_interval(secs => %(patience)s)))
returning tenant_id as tenant, id, url, description, types, ordered, enabled, previous_until, failing_since, failures,
    disabled_at, disabled_reason, created_at, updated_at

-- name: deliveries
select tenant_id as tenant, place, id, endpoint_id as endpoint, event_id as event, event_type, status, waiting,
    in_flight, attempts, last_status, last_error, due_at, created_at, ended_at
from webhook_delivery
where tenant_id = %(tenant)s and place < %(before)s
    and (%(status)s::text is null or status = %(status)s)
    and (%(type)s::text is null or event_type = %(type)s)
order by place desc
limit %(limit)s

-- name: deliveries_of_endpoint
select tenant_id as tenant, place, id, endpoint_id as endpoint, event_id as event, event_type, status, waiting,
    in_flight, attempts, last_status, last_error, due_at, created_at, ended_at
from webhook_delivery
where tenant_id = %(tenant)s and endpoint_id = %(endpoint)s and place < %(before)s
    and (%(status)s::text is null or status = %(status)s)
    and (%(type)s::text is null or event_type = %(type)s)
order by place desc
limit %(limit)s

-- name: deliveries_of_event
select tenant_id as tenant, place, id, endpoint_id as endpoint, event_id as event, event_type, status, waiting,
    in_flight, attempts, last_status, last_error, due_at, created_at, ended_at
from webhook_delivery
where tenant_id = %(tenant)s and event_place = %(event_place)s and place < %(before)s
    and (%(endpoint)s::uuid is null or endpoint_id = %(endpoint)s)
    and (%(status)s::text is null or status = %(status)s)
    and (%(type)s::text is null or event_type = %(type)s)
order by place desc
limit %(limit)s

-- name: delivery
select tenant_id as tenant, place, id, endpoint_id as endpoint, event_id as event, event_type, status, waiting,
    in_flight, attempts, last_status, last_error, due_at, created_at, ended_at
from webhook_delivery
where tenant_id = %(tenant)s and id = %(id)s

-- name: attempts
select number, at, url, request_headers, status, response_headers, response_body, error, detail, duration_ms
from webhook_attempt
where tenant_id = %(tenant)s and delivery_place = %(place)s
order by number

-- name: purge
-- With the events that are gone, what was told of them.
with gone as (
    delete from webhook_delivery where event_place = any(%(places)s) returning place
)
delete from webhook_attempt a using gone where a.delivery_place = gone.place
