-- The catalog's statements. Each names the tenant.

-- name: credit_types
select c.code, c.name, c.code = t.default_credit_type as default, c.unit_price, c.created_at
from credit_type c
join tenant t on t.id = c.tenant_id
where c.tenant_id = %(tenant)s
order by c.code

-- name: credit_type
select c.code, c.name, c.code = t.default_credit_type as default, c.unit_price, c.created_at
from credit_type c
join tenant t on t.id = c.tenant_id
where c.tenant_id = %(tenant)s and c.code = %(code)s

-- name: put_credit_type
-- Touches nothing when the name is the same, so that a repeat leaves no trace.
insert into credit_type (tenant_id, code, name) values (%(tenant)s, %(code)s, %(name)s)
on conflict (tenant_id, code) do update set name = excluded.name where credit_type.name <> excluded.name

-- name: put_unit_price
update credit_type set unit_price = %(unit_price)s
where tenant_id = %(tenant)s and code = %(code)s and unit_price is distinct from %(unit_price)s

-- name: codes
select code from credit_type where tenant_id = %(tenant)s and code = any(%(codes)s::text[])

-- name: lock_rate_cards
-- Cards of a tenant are made one after the other: each gets its own version and a later moment.
select pg_advisory_xact_lock(hashtextextended('rate_card:' || %(tenant)s::text, 0))

-- name: insert_rate_card
-- The next version.
insert into rate_card (tenant_id, version, effective_at, created_at, created_by)
select %(tenant)s, coalesce(max(version), 0) + 1, %(effective_at)s, %(now)s, %(by)s
from rate_card
where tenant_id = %(tenant)s
returning version

-- name: insert_rates
insert into rate (tenant_id, version, operation, credit_type, cost)
select %(tenant)s, %(version)s, r.operation, r.credit_type, r.cost
from unnest(%(operations)s::text[], %(credit_types)s::text[], %(costs)s::bigint[])
    as r (operation, credit_type, cost)

-- name: rate_card_at
-- In force: of those begun, the one that began last; of several at one moment, the last made.
select version, effective_at, created_at, created_by
from rate_card
where tenant_id = %(tenant)s and effective_at <= %(at)s
order by effective_at desc, version desc
limit 1

-- name: rate_card_version
select version, effective_at, created_at, created_by
from rate_card
where tenant_id = %(tenant)s and version = %(version)s

-- name: rate_cards
select version, effective_at, created_at, created_by
from rate_card
where tenant_id = %(tenant)s and version < %(before)s
order by version desc
limit %(limit)s

-- name: rates
select version, operation, credit_type, cost
from rate
where tenant_id = %(tenant)s and version = any(%(versions)s::int[])
order by version, operation

-- name: lines
-- What operations cost at a moment, or now, and since when that is so: two index descents each, whatever else the
-- tables hold. Without a price all of the line is null.
select w.tenant_id, w.operation, n.moment, card.effective_at, r.version, r.credit_type, r.cost
from unnest(%(tenants)s, %(operations)s, %(moments)s) as w (tenant_id, operation, moment)
join tenant t on t.id = w.tenant_id
cross join lateral (select coalesce(w.moment, clock_timestamp() + t.clock_ahead) as moment) n
left join lateral (
    select c.version, c.effective_at
    from rate_card c
    where c.tenant_id = w.tenant_id and c.effective_at <= n.moment
    order by c.effective_at desc, c.version desc
    limit 1
) card on true
left join rate r on r.tenant_id = w.tenant_id and r.version = card.version and r.operation = w.operation
