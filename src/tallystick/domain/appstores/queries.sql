-- What app stores say. Every query names the tenant, or an id that one which did gave.

-- name: listing
select l.id, l.platform, l.app_id, l.country, l.language, l.data, l.fetched_at, l.fetches,
       (select clock_timestamp()) + t.clock_ahead as now,
       l.asked_at is null or l.asked_at < (select clock_timestamp()) + t.clock_ahead - interval '1 day' as untold
from app_listing l
join tenant t on t.id = l.tenant_id
where l.tenant_id = %(tenant)s and l.platform = %(platform)s and l.app_id = %(app_id)s and l.country = %(country)s
  and l.language = %(language)s

-- name: asked
-- Somebody asked for it: it is fetched daily from now on, if it was not.
update app_listing
set asked_at = greatest(asked_at, %(now)s), due_at = coalesce(due_at, fetched_at + interval '1 day')
where tenant_id = %(tenant)s and id = %(id)s

-- name: lock_listing
select id, data, before, day, asked_at
from app_listing
where tenant_id = %(tenant)s and platform = %(platform)s and app_id = %(app_id)s and country = %(country)s
  and language = %(language)s
for update

-- name: insert_listing
-- Nothing where somebody else was first.
insert into app_listing (tenant_id, platform, app_id, country, language, data, day, fetched_at, fetches, asked_at, due_at,
                         created_at)
values (%(tenant)s, %(platform)s, %(app_id)s, %(country)s, %(language)s, %(data)s, %(day)s, %(now)s, 1, %(asked_at)s,
        case when %(asked_at)s::timestamptz is not null then %(now)s::timestamptz + interval '1 day' end, %(now)s)
on conflict (tenant_id, platform, app_id, country, language) do nothing
returning id

-- name: save_listing
update app_listing
set data = %(data)s, before = %(before)s, day = %(day)s, fetched_at = %(now)s, fetches = fetches + 1,
    asked_at = %(asked_at)s, failures = 0,
    due_at = case when %(asked_at)s::timestamptz is not null then %(now)s::timestamptz + interval '1 day' end
where tenant_id = %(tenant)s and id = %(id)s
returning fetches

-- name: put_changes
insert into app_change (tenant_id, listing, day, field, value)
select %(tenant)s, %(id)s, %(day)s, c.field, c.value::json
from unnest(%(fields)s::text[], %(values)s::text[]) as c (field, value)
on conflict (tenant_id, listing, day, field) do update set value = excluded.value

-- name: drop_changes
delete from app_change
where tenant_id = %(tenant)s and listing = %(id)s and day = %(day)s and field = any(%(fields)s::text[])

-- name: history
-- The newest day first.
select c.day, c.field, c.value
from app_change c
where c.tenant_id = %(tenant)s and c.listing = %(id)s and c.day between %(start)s and %(end)s
  and c.field = any(%(fields)s::text[])
order by c.day desc, c.field

-- name: count_keyword
insert into app_keyword (tenant_id, platform, keyword, country, language, searches, first_at, last_at)
select t.id, %(platform)s, %(keyword)s, %(country)s, %(language)s, 1, m.now, m.now
from tenant t
cross join lateral (select clock_timestamp() + t.clock_ahead) as m (now)
where t.id = %(tenant)s
on conflict (tenant_id, platform, country, language, keyword) do update
set searches = app_keyword.searches + 1, last_at = greatest(app_keyword.last_at, excluded.last_at)

-- name: take_fetch
-- The holder, if the lease is free or over.
insert into app_fetch (tenant_id, platform, app_id, country, language, holder, until)
values (%(tenant)s, %(platform)s, %(app_id)s, %(country)s, %(language)s, %(holder)s,
        clock_timestamp() + %(seconds)s * interval '1 second')
on conflict (tenant_id, platform, app_id, country, language) do update
set holder = excluded.holder, until = excluded.until
where app_fetch.until < clock_timestamp()
returning holder

-- name: keep_fetch
update app_fetch set until = clock_timestamp() + %(seconds)s * interval '1 second'
where tenant_id = %(tenant)s and platform = %(platform)s and app_id = %(app_id)s and country = %(country)s
  and language = %(language)s and holder = %(holder)s

-- name: drop_fetch
delete from app_fetch
where tenant_id = %(tenant)s and platform = %(platform)s and app_id = %(app_id)s and country = %(country)s
  and language = %(language)s and holder = %(holder)s

-- name: purge_fetches
-- Leases of those who died.
delete from app_fetch where until < clock_timestamp() - interval '1 hour'

-- name: installs
-- What is known of the installs of several apps, however old, and whether it is still good.
select app_id, data ->> 'installs' as installs, fetched_at > %(since)s as good
from app_listing
where tenant_id = %(tenant)s and platform = 'android' and app_id = any(%(app_ids)s::text[]) and country = %(country)s
  and language = %(language)s

-- name: listings
-- The newest first.
select id, platform, app_id, country, language, data ->> 'title' as title, fetched_at, fetches, asked_at, due_at,
       failures, created_at
from app_listing
where tenant_id = %(tenant)s and id < %(before)s
  and (%(platform)s::text is null or platform = %(platform)s)
  and (%(app_id)s::text is null or app_id = %(app_id)s)
  and (%(tracked)s::boolean is null or (due_at is not null) = %(tracked)s)
order by id desc
limit %(limit)s

-- name: keywords
-- The newest first.
select id, platform, keyword, country, language, searches, first_at, last_at
from app_keyword
where tenant_id = %(tenant)s and id < %(before)s
  and (%(platform)s::text is null or platform = %(platform)s)
  and (%(keyword)s::text is null or keyword = %(keyword)s)
order by id desc
limit %(limit)s

-- name: tenants_due
-- The tenants that have an app due, by their own time; who waits longest first.
select t.id
from tenant t
cross join lateral (select (select clock_timestamp()) + t.clock_ahead - min(l.due_at) as late
                    from app_listing l
                    where l.tenant_id = t.id and l.due_at is not null) as d
where d.late >= interval '0'
order by d.late desc, t.id

-- name: forget
-- Apps that nobody asked for in 90 days are fetched no more.
update app_listing set due_at = null
where tenant_id = %(tenant)s and due_at <= %(now)s and asked_at < %(now)s::timestamptz - interval '90 days'

-- name: claim
-- What is due of a tenant, the oldest first; nobody else's for an hour, unless it is done before.
update app_listing l
set due_at = %(now)s::timestamptz + interval '1 hour'
from (select id from app_listing
      where tenant_id = %(tenant)s and due_at <= %(now)s
      order by due_at, id
      limit %(limit)s
      for update skip locked) as due
where l.id = due.id
returning l.id, l.platform, l.app_id, l.country, l.language

-- name: put_off
-- Tried again after 1, 2, 4 ... hours, at most a day. Not where it was fetched meanwhile.
update app_listing
set failures = failures + 1, due_at = %(now)s::timestamptz + least(24, 2 ^ least(failures, 5)) * interval '1 hour'
where tenant_id = %(tenant)s and id = %(id)s and due_at is not null and fetched_at < %(now)s::timestamptz - interval '1 minute'

-- name: again_soon
-- It was not even asked for, the store being asked enough already.
update app_listing set due_at = %(now)s::timestamptz + interval '10 minutes'
where tenant_id = %(tenant)s and id = %(id)s and due_at is not null
