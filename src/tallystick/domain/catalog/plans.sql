-- What is sold: features, plans with their versions, packages. Each statement names the tenant.

-- name: number
-- The next number of the tenant's plans, features or packages.
insert into tenant_counter (tenant_id, name, value) values (%(tenant)s, %(name)s, 1)
on conflict (tenant_id, name) do update set value = tenant_counter.value + 1
returning value

-- Features ----------------------------------------------------------------------------------------------

-- name: insert_feature
-- Nothing when the key is taken.
insert into feature (tenant_id, id, number, key, name, description, type, category, unit, credit_type,
    created_at, updated_at)
values (%(tenant)s, %(id)s, %(number)s, %(key)s, %(name)s, %(description)s, %(type)s, %(category)s, %(unit)s,
    %(credit_type)s, %(now)s, %(now)s)
on conflict do nothing

-- name: lock_feature
select id from feature where tenant_id = %(tenant)s and id = %(id)s and deleted_at is null for update

-- name: update_feature
update feature set name = %(name)s, description = %(description)s, category = %(category)s, unit = %(unit)s,
    credit_type = %(credit_type)s, updated_at = %(now)s
where tenant_id = %(tenant)s and id = %(id)s

-- name: delete_feature
update feature set deleted_at = %(now)s where tenant_id = %(tenant)s and id = %(id)s

-- name: feature
select id, tenant_id, number, key, name, description, type, category, unit, credit_type, created_at, updated_at
from feature
where tenant_id = %(tenant)s and id = %(id)s and deleted_at is null

-- name: features_by_key
select id, tenant_id, number, key, name, description, type, category, unit, credit_type, created_at, updated_at
from feature
where tenant_id = %(tenant)s and key = any(%(keys)s::text[]) and deleted_at is null

-- name: features_to_refer_to
-- Locks them against deletion until what names them is written.
select id, tenant_id, number, key, name, description, type, category, unit, credit_type, created_at, updated_at
from feature
where tenant_id = %(tenant)s and key = any(%(keys)s::text[]) and deleted_at is null
order by id
for share

-- name: features
select id, tenant_id, number, key, name, description, type, category, unit, credit_type, created_at, updated_at
from feature
where tenant_id = %(tenant)s and deleted_at is null and number < %(before)s
    and (%(type)s::text is null or type = %(type)s)
    and (%(category)s::text is null or category = %(category)s)
    and (%(credit_type)s::text is null or credit_type = %(credit_type)s)
    and (%(name)s::text is null or position(lower(%(name)s) in lower(name)) > 0)
order by number desc
limit %(limit)s

-- name: feature_in_use
-- By any version of a plan that is not deleted: subscriptions keep old versions.
select exists (
    select from plan_version v
    join plan p on p.tenant_id = v.tenant_id and p.id = v.plan_id
    where v.tenant_id = %(tenant)s and p.deleted_at is null and v.features @> array[%(key)s::text]
)

-- Plans -------------------------------------------------------------------------------------------------

-- name: insert_plan
-- Nothing when the key is taken.
insert into plan (tenant_id, id, number, key, name, description, tier, rank, status, version, metadata,
    created_at, updated_at)
values (%(tenant)s, %(id)s, %(number)s, %(key)s, %(name)s, %(description)s, %(tier)s, %(rank)s, %(status)s, 1,
    %(metadata)s::json, %(now)s, %(now)s)
on conflict do nothing

-- name: insert_plan_version
insert into plan_version (tenant_id, plan_id, version, terms, interval, currency, features, created_at, created_by)
values (%(tenant)s, %(id)s, %(version)s, %(terms)s::json, %(interval)s, %(currency)s, %(features)s::text[],
    %(now)s, %(by)s)

-- name: lock_plan
select id from plan where tenant_id = %(tenant)s and id = %(id)s and deleted_at is null for update

-- name: keep_plan
-- Waits for who changes or deletes it, and for nobody else who keeps it.
select id from plan where tenant_id = %(tenant)s and id = %(id)s and deleted_at is null for key share

-- name: update_plan
update plan set name = %(name)s, description = %(description)s, tier = %(tier)s, rank = %(rank)s,
    status = %(status)s, version = %(version)s, metadata = %(metadata)s::json, updated_at = %(now)s
where tenant_id = %(tenant)s and id = %(id)s

-- name: delete_plan
update plan set deleted_at = %(now)s where tenant_id = %(tenant)s and id = %(id)s

-- name: plan
select p.id, p.tenant_id, p.number, p.key, p.name, p.description, p.tier, p.rank, p.status, p.version, v.terms,
    p.metadata, p.created_at, p.updated_at
from plan p
join plan_version v on v.tenant_id = p.tenant_id and v.plan_id = p.id and v.version = p.version
where p.tenant_id = %(tenant)s and p.id = %(id)s and p.deleted_at is null

-- name: plan_by_key
select p.id, p.tenant_id, p.number, p.key, p.name, p.description, p.tier, p.rank, p.status, p.version, v.terms,
    p.metadata, p.created_at, p.updated_at
from plan p
join plan_version v on v.tenant_id = p.tenant_id and v.plan_id = p.id and v.version = p.version
where p.tenant_id = %(tenant)s and p.key = %(key)s and p.deleted_at is null

-- name: plan_by_number
select p.id, p.tenant_id, p.number, p.key, p.name, p.description, p.tier, p.rank, p.status, p.version, v.terms,
    p.metadata, p.created_at, p.updated_at
from plan p
join plan_version v on v.tenant_id = p.tenant_id and v.plan_id = p.id and v.version = p.version
where p.tenant_id = %(tenant)s and p.number = %(number)s and p.deleted_at is null

-- name: plan_version
-- Also of a deleted plan: whoever held it is still billed by it.
select p.id, p.tenant_id, p.number, p.key, p.name, p.description, p.tier, p.rank, p.status, v.version, v.terms,
    p.metadata, p.created_at, p.updated_at
from plan p
join plan_version v on v.tenant_id = p.tenant_id and v.plan_id = p.id
where p.tenant_id = %(tenant)s and p.id = %(id)s and v.version = %(version)s

-- name: plan_versions
select version, terms, created_at, created_by
from plan_version
where tenant_id = %(tenant)s and plan_id = %(id)s and version < %(before)s
order by version desc
limit %(limit)s

-- name: plans_of
-- Deleted ones too: for what refers to them.
select p.id, p.tenant_id, p.number, p.key, p.name, p.description, p.tier, p.rank, p.status, p.version, v.terms,
    p.metadata, p.created_at, p.updated_at
from plan p
join plan_version v on v.tenant_id = p.tenant_id and v.plan_id = p.id and v.version = p.version
where p.tenant_id = %(tenant)s and p.id = any(%(ids)s::uuid[])

-- name: plans
select p.id, p.tenant_id, p.number, p.key, p.name, p.description, p.tier, p.rank, p.status, p.version, v.terms,
    p.metadata, p.created_at, p.updated_at
from plan p
join plan_version v on v.tenant_id = p.tenant_id and v.plan_id = p.id and v.version = p.version
where p.tenant_id = %(tenant)s and p.deleted_at is null and p.number < %(before)s
    and (%(status)s::text is null or p.status = %(status)s)
    and (%(tier)s::text is null or p.tier = %(tier)s)
    and (%(interval)s::text is null or v.interval = %(interval)s)
    and (%(currency)s::text is null or v.currency = %(currency)s)
    and (%(name)s::text is null or position(lower(%(name)s) in lower(p.name)) > 0)
order by p.number desc
limit %(limit)s

-- name: plans_with_tier
-- Those that are sold now.
select p.id, p.tenant_id, p.number, p.key, p.name, p.description, p.tier, p.rank, p.status, p.version, v.terms,
    p.metadata, p.created_at, p.updated_at
from plan p
join plan_version v on v.tenant_id = p.tenant_id and v.plan_id = p.id and v.version = p.version
where p.tenant_id = %(tenant)s and p.deleted_at is null and p.status = 'active' and p.tier is not null
order by p.number

-- Packages ----------------------------------------------------------------------------------------------

-- name: insert_package
-- Nothing when the key is taken.
insert into package (tenant_id, id, number, key, name, description, credit_type, credits, bonus, price, currency,
    expires_after_days, active, metadata, created_at, updated_at)
values (%(tenant)s, %(id)s, %(number)s, %(key)s, %(name)s, %(description)s, %(credit_type)s, %(credits)s,
    %(bonus)s, %(price)s, %(currency)s, %(expires_after_days)s, %(active)s, %(metadata)s::json, %(now)s, %(now)s)
on conflict do nothing

-- name: lock_package
select id from package where tenant_id = %(tenant)s and id = %(id)s and deleted_at is null for no key update

-- name: update_package
update package set name = %(name)s, description = %(description)s, credit_type = %(credit_type)s,
    credits = %(credits)s, bonus = %(bonus)s, price = %(price)s, currency = %(currency)s,
    expires_after_days = %(expires_after_days)s, active = %(active)s, metadata = %(metadata)s::json,
    updated_at = %(now)s
where tenant_id = %(tenant)s and id = %(id)s

-- name: delete_package
update package set deleted_at = %(now)s, active = false where tenant_id = %(tenant)s and id = %(id)s

-- name: package
select id, tenant_id, number, key, name, description, credit_type, credits, bonus, price, currency,
    expires_after_days, active, metadata, created_at, updated_at
from package
where tenant_id = %(tenant)s and id = %(id)s and deleted_at is null

-- name: package_by_key
select id, tenant_id, number, key, name, description, credit_type, credits, bonus, price, currency,
    expires_after_days, active, metadata, created_at, updated_at
from package
where tenant_id = %(tenant)s and key = %(key)s and deleted_at is null

-- name: package_by_number
select id, tenant_id, number, key, name, description, credit_type, credits, bonus, price, currency,
    expires_after_days, active, metadata, created_at, updated_at
from package
where tenant_id = %(tenant)s and number = %(number)s and deleted_at is null

-- name: packages
select id, tenant_id, number, key, name, description, credit_type, credits, bonus, price, currency,
    expires_after_days, active, metadata, created_at, updated_at
from package
where tenant_id = %(tenant)s and deleted_at is null and number < %(before)s
    and (%(active)s::boolean is null or active = %(active)s)
    and (%(currency)s::text is null or currency = %(currency)s)
    and (%(credit_type)s::text is null or credit_type = %(credit_type)s)
    and (%(name)s::text is null or position(lower(%(name)s) in lower(name)) > 0)
order by number desc
limit %(limit)s

-- name: packages_by_offset
-- In the order in which they were made.
select id, tenant_id, number, key, name, description, credit_type, credits, bonus, price, currency,
    expires_after_days, active, metadata, created_at, updated_at
from package
where tenant_id = %(tenant)s and credit_type = %(credit_type)s and deleted_at is null
order by number
limit %(limit)s offset %(offset)s

-- name: count_packages
select count(*) from package
where tenant_id = %(tenant)s and credit_type = %(credit_type)s and deleted_at is null
