-- The identity's statements. Every one that reads a tenant's rows names the tenant.

-- Apps and tenants ----------------------------------------------------------------------------------------

-- name: lock_first_run
-- Processes that start at once must not each make a first app.
select pg_advisory_xact_lock(7258134905220418)

-- name: first_app
-- The app made first, and its owner: the first of its staff.
select a.id as app_id, a.name, coalesce(u.email, '') as owner_email
from app a
left join lateral (select email from app_user where app_id = a.id and staff order by number limit 1) u on true
order by a.created_at, a.id
limit 1

-- name: insert_app
insert into app (id, name) values (%(id)s, %(name)s)

-- name: insert_tenant
insert into tenant (app_id, mode) values (%(app)s, %(mode)s) returning id

-- name: insert_first_credit_type
-- The catalog's row, written here with the tenant whose default names it: no tenant is ever without.
insert into credit_type (tenant_id, code, name)
select id, default_credit_type, initcap(default_credit_type) from tenant where id = %(tenant)s

-- name: insert_secret
insert into server_secret (name, value) values (%(name)s, %(value)s)

-- name: secret
select value from server_secret where name = %(name)s

-- name: tenant
select id, app_id, mode, default_credit_type, currency, clock_ahead from tenant where id = %(tenant)s

-- name: app_name
select a.name from tenant t join app a on a.id = t.app_id where t.id = %(tenant)s

-- name: tenant_of
select id, app_id, mode, default_credit_type, currency, clock_ahead from tenant where app_id = %(app)s and mode = %(mode)s

-- name: set_default_credit_type
update tenant set default_credit_type = %(code)s where id = %(tenant)s

-- name: now
select clock_timestamp() + clock_ahead from tenant where id = %(tenant)s

-- name: set_clock
-- Microseconds: days of an interval would depend on a time zone.
update tenant set clock_ahead = %(ahead)s::bigint * interval '1 microsecond' where id = %(tenant)s

-- API keys ------------------------------------------------------------------------------------------------

-- name: insert_api_key
insert into api_key (id, tenant_id, name, scope, hash, hint, created_by, expires_at)
values (%(id)s, %(tenant)s, %(name)s, %(scope)s, %(hash)s, %(hint)s, %(created_by)s, %(expires_at)s)
returning id, tenant_id, name, scope, hint, created_by, created_at, expires_at, revoked_at, last_used_at

-- name: revoke_api_key
update api_key set revoked_at = clock_timestamp()
where tenant_id = %(tenant)s and id = %(id)s and revoked_at is null

-- name: api_key
select id, tenant_id, name, scope, hint, created_by, created_at, expires_at, revoked_at, last_used_at
from api_key
where tenant_id = %(tenant)s and id = %(id)s

-- name: api_keys
-- Newest first: the id is a UUIDv7. A tenant has few.
select id, tenant_id, name, scope, hint, created_by, created_at, expires_at, revoked_at, last_used_at
from api_key
where tenant_id = %(tenant)s
order by id desc

-- name: key_credential
-- The tenant comes from the credential: this is where it is learnt.
select k.id, k.tenant_id, k.scope, k.hash, k.expires_at, k.revoked_at, t.app_id, t.mode
from api_key k
join tenant t on t.id = k.tenant_id
where k.id = %(id)s

-- name: write_last_used
-- Locked in id order first: two servers that write at once must not deadlock.
with seen as (
    select * from unnest(%(ids)s::uuid[], %(moments)s::timestamptz[]) as s (id, at)
), locked as (
    select k.id, s.at from api_key k join seen s on s.id = k.id order by k.id for no key update of k
)
update api_key k set last_used_at = greatest(k.last_used_at, l.at) from locked l where k.id = l.id

-- Users ---------------------------------------------------------------------------------------------------

-- name: number_user
-- Users are counted per app: by the counter of its live tenant.
insert into tenant_counter (tenant_id, name, value)
select live.id, 'user', 1
from tenant t
join tenant live on live.app_id = t.app_id and live.mode = 'live'
where t.id = %(tenant)s
on conflict (tenant_id, name) do update set value = tenant_counter.value + 1
returning value

-- name: insert_user
insert into app_user (id, app_id, number, email, password_hash, first_name, last_name, staff)
select %(id)s, app_id, %(number)s, %(email)s, %(password_hash)s, %(first_name)s, %(last_name)s, %(staff)s
from tenant
where id = %(tenant)s
on conflict (app_id, email) do nothing
returning id, app_id, number, email, first_name, last_name, staff, active, created_at, last_login_at

-- name: user
select u.id, u.app_id, u.number, u.email, u.first_name, u.last_name, u.staff, u.active, u.created_at,
       u.last_login_at
from app_user u
join tenant t on t.app_id = u.app_id
where t.id = %(tenant)s and u.id = %(id)s

-- name: user_by_number
select u.id, u.app_id, u.number, u.email, u.first_name, u.last_name, u.staff, u.active, u.created_at,
       u.last_login_at
from app_user u
join tenant t on t.app_id = u.app_id
where t.id = %(tenant)s and u.number = %(number)s

-- name: user_by_email
select u.id, u.app_id, u.number, u.email, u.first_name, u.last_name, u.staff, u.active, u.created_at,
       u.last_login_at
from app_user u
join tenant t on t.app_id = u.app_id
where t.id = %(tenant)s and u.email = %(email)s

-- name: users
select u.id, u.app_id, u.number, u.email, u.first_name, u.last_name, u.staff, u.active, u.created_at,
       u.last_login_at
from app_user u
join tenant t on t.app_id = u.app_id
where t.id = %(tenant)s and u.number > %(after)s
order by u.number
limit %(limit)s

-- name: lock_user
-- A user's memberships and home change under this lock.
select u.id, u.app_id, u.number, u.email, u.first_name, u.last_name, u.staff, u.active, u.created_at,
       u.last_login_at
from app_user u
join tenant t on t.app_id = u.app_id
where t.id = %(tenant)s and u.id = %(id)s
for no key update of u

-- name: set_active
update app_user u set active = %(active)s
from tenant t
where t.id = %(tenant)s and u.app_id = t.app_id and u.id = %(id)s

-- name: set_names
update app_user u set first_name = %(first_name)s, last_name = %(last_name)s
from tenant t
where t.id = %(tenant)s and u.app_id = t.app_id and u.id = %(id)s

-- name: set_staff
update app_user u set staff = %(staff)s
from tenant t
where t.id = %(tenant)s and u.app_id = t.app_id and u.id = %(id)s

-- name: set_password
update app_user u set password_hash = %(password_hash)s
from tenant t
where t.id = %(tenant)s and u.app_id = t.app_id and u.id = %(id)s

-- Memberships ---------------------------------------------------------------------------------------------

-- name: lock_account
-- An account's owners change under this lock.
select account_id from account where tenant_id = %(tenant)s and account_id = %(account)s for no key update

-- name: insert_membership
-- The first in a tenant is the user's home. Who was only invited is a member now.
insert into membership as m (tenant_id, user_id, account_id, role, joined_at, home)
values (%(tenant)s, %(user)s, %(account)s, %(role)s, now(),
        not exists (select from membership where tenant_id = %(tenant)s and user_id = %(user)s and home))
on conflict (tenant_id, user_id, account_id) do update
set role = excluded.role, joined_at = excluded.joined_at, home = excluded.home
where m.joined_at is null

-- name: insert_invitation
insert into membership (tenant_id, user_id, account_id, role, joined_at)
values (%(tenant)s, %(user)s, %(account)s, %(role)s, null)
on conflict (tenant_id, user_id, account_id) do nothing

-- name: join_invitations
update membership set joined_at = now()
where tenant_id = %(tenant)s and user_id = %(user)s and joined_at is null
returning account_id, role

-- name: set_role
update membership set role = %(role)s
where tenant_id = %(tenant)s and user_id = %(user)s and account_id = %(account)s

-- name: delete_membership
delete from membership where tenant_id = %(tenant)s and user_id = %(user)s and account_id = %(account)s

-- name: leave_home
update membership set home = false where tenant_id = %(tenant)s and user_id = %(user)s and home

-- name: make_home
update membership set home = true
where tenant_id = %(tenant)s and user_id = %(user)s and account_id = %(account)s and joined_at is not null

-- name: home_account
-- The home; where none is marked, what should be: the oldest membership.
select account_id, home from membership
where tenant_id = %(tenant)s and user_id = %(user)s and joined_at is not null
order by home desc, joined_at, created_at, account_id
limit 1

-- name: members
-- Perhaps with those who are invited; of one whom others brought to the app no account learns the name by inviting.
select m.user_id, u.number as user_number, u.email as user_email,
       case when m.joined_at is not null or u.last_login_at is null then u.first_name else '' end as first_name,
       case when m.joined_at is not null or u.last_login_at is null then u.last_name else '' end as last_name,
       u.active, m.account_id,
       a.uuid as account_uuid, a.number as account_number, a.name as account_name, m.role, m.home, m.created_at,
       m.joined_at
from membership m
join app_user u on u.id = m.user_id
join account a on a.account_id = m.account_id
where m.tenant_id = %(tenant)s and m.account_id = %(account)s and (%(invited)s or m.joined_at is not null)
order by u.number

-- name: recipients
select email from account where tenant_id = %(tenant)s and account_id = %(account)s and email <> ''
union all
select * from (
    select u.email
    from membership m
    join app_user u on u.id = m.user_id
    join account a on a.account_id = m.account_id
    where m.tenant_id = %(tenant)s and m.account_id = %(account)s and m.role = 'owner' and m.joined_at is not null
      and u.active and a.email = ''
    order by u.number
) owners

-- name: staff_emails
select u.email
from app_user u
join tenant t on t.app_id = u.app_id
where t.id = %(tenant)s and u.staff and u.active
order by u.number

-- name: memberships
select m.user_id, u.number as user_number, u.email as user_email, u.first_name, u.last_name, u.active, m.account_id,
       a.uuid as account_uuid, a.number as account_number, a.name as account_name, m.role, m.home, m.created_at,
       m.joined_at
from membership m
join app_user u on u.id = m.user_id
join account a on a.account_id = m.account_id
where m.tenant_id = %(tenant)s and m.user_id = %(user)s and m.joined_at is not null
order by a.number

-- Links by which a password is chosen -----------------------------------------------------------------------

-- name: invited_by
-- Who invites, to what, by what name of the app.
select p.name as app, a.name as account, coalesce(a.email, '') as account_email,
       coalesce(nullif(trim(u.first_name || ' ' || u.last_name), ''), u.email, '') as inviter
from tenant t
join app p on p.id = t.app_id
join account a on a.tenant_id = t.id and a.account_id = %(account)s
left join app_user u on u.app_id = t.app_id and u.id = %(by)s
where t.id = %(tenant)s

-- name: signs_in
-- Whether the user has a way to sign in already.
select password_hash is not null or google_sub is not null from app_user where id = %(id)s

-- name: lock_reset
-- Of one address's requests at once each must see those before it.
select pg_advisory_xact_lock(hashtextextended('password_reset:' || %(tenant)s::text || ':' || %(email)s, 0))

-- name: reset_candidate
-- One row for every tenant, whoever the address is: the user who may have a link, and how many were asked for.
select u.id as user_id, p.name as app,
       (select count(*) from password_link l
        where l.tenant_id = t.id and l.email = %(email)s and l.cause = 'reset' and l.created_at > %(since)s) as asked
from tenant t
join app p on p.id = t.app_id
left join app_user u on u.app_id = t.app_id and u.email = %(email)s and u.active
where t.id = %(tenant)s

-- name: insert_link
insert into password_link (hash, tenant_id, user_id, account_id, email, cause, created_at, expires_at)
values (%(hash)s, %(tenant)s, %(user)s, %(account)s, %(email)s, %(cause)s, %(now)s, %(expires_at)s)

-- name: link
-- The tenant comes from the link, which is a credential by itself: this is where it is learnt.
select l.tenant_id as tenant, l.user_id as user, u.email, l.cause, l.expires_at
from password_link l
join app_user u on u.id = l.user_id
where l.hash = %(hash)s and l.used_at is null and l.expires_at > %(now)s and u.active

-- name: use_up_links
update password_link set used_at = clock_timestamp() where user_id = %(user)s and used_at is null

-- name: use_up_invitations
-- Who is no longer invited needs no link to come in by.
update password_link set used_at = clock_timestamp()
where tenant_id = %(tenant)s and user_id = %(user)s and account_id = %(account)s and used_at is null

-- name: use_up_joined
-- Who has signed in has a way to: their letters need not be one for the rest of a week.
update password_link set used_at = clock_timestamp()
where tenant_id = %(tenant)s and user_id = %(user)s and cause = 'invitation' and used_at is null

-- name: purge_password_links
delete from password_link
where hash in (select hash from password_link where expires_at < %(before)s order by expires_at limit 1000)

-- Accounts ------------------------------------------------------------------------------------------------

-- name: number_account
insert into tenant_counter (tenant_id, name, value) values (%(tenant)s, 'account', 1)
on conflict (tenant_id, name) do update set value = tenant_counter.value + 1
returning nextval('account_id_seq') as account_id, value as number

-- name: insert_directory
insert into account_directory (tenant_id, number, account_id, external_id)
values (%(tenant)s, %(number)s, %(account)s, %(external_id)s)
on conflict (tenant_id, external_id) do nothing

-- name: insert_account
-- At the tenant's own time.
insert into account (account_id, tenant_id, number, uuid, external_id, name, email, first_name, last_name, phone,
                     kind, address, tax_id, tax_exempt, currency, time_zone, metadata, created_at, updated_at)
select %(account)s, id, %(number)s, %(uuid)s, %(external_id)s, %(name)s, %(email)s, %(first_name)s, %(last_name)s,
       %(phone)s, %(kind)s, %(address)s::json, %(tax_id)s, %(tax_exempt)s, %(currency)s, %(time_zone)s,
       %(metadata)s::json, now() + clock_ahead, now() + clock_ahead
from tenant where id = %(tenant)s

-- name: open_head
-- The one row of the ledger's that the identity writes: an account must never be without its root, so both
-- begin in one transaction, and the ledger, which uses the identity, cannot be called from here.
insert into account_head (account_id, tenant_id, number, uuid, external_id)
values (%(account)s, %(tenant)s, %(number)s, %(uuid)s, %(external_id)s)

-- name: lock_head
-- The head is the root lock: before anything else of the account.
select account_id from account_head
where tenant_id = %(tenant)s and account_id = %(account)s
for no key update

-- name: update_account
update account
set external_id = %(external_id)s, name = %(name)s, email = %(email)s, first_name = %(first_name)s,
    last_name = %(last_name)s, phone = %(phone)s, kind = %(kind)s, address = %(address)s::json,
    tax_id = %(tax_id)s, tax_exempt = %(tax_exempt)s, currency = %(currency)s, time_zone = %(time_zone)s,
    metadata = %(metadata)s::json,
    updated_at = clock_timestamp() + (select clock_ahead from tenant where id = %(tenant)s)
where tenant_id = %(tenant)s and account_id = %(account)s

-- name: delete_directory
delete from account_directory where tenant_id = %(tenant)s and number = %(number)s

-- name: update_head
-- What the ledger checks of an account stands on its head as well, and stays equal.
update account_head set external_id = %(external_id)s, status = %(status)s
where tenant_id = %(tenant)s and account_id = %(account)s

-- name: account_linked
-- For links that are a credential by themselves: this is where their tenant is learnt.
select a.account_id, a.tenant_id, a.number, a.uuid, a.external_id, a.name, a.email, a.first_name,
       a.last_name, a.phone, a.kind, a.address, a.tax_id, a.tax_exempt, a.currency, a.time_zone, a.metadata,
       h.status, a.created_at, a.updated_at
from account a
join account_head h on h.account_id = a.account_id
where a.account_id = %(account)s

-- name: account
select a.account_id, a.tenant_id, a.number, a.uuid, a.external_id, a.name, a.email, a.first_name,
       a.last_name, a.phone, a.kind, a.address, a.tax_id, a.tax_exempt, a.currency, a.time_zone, a.metadata,
       h.status, a.created_at, a.updated_at
from account a
join account_head h on h.account_id = a.account_id
where a.tenant_id = %(tenant)s and a.account_id = %(account)s

-- name: account_by_number
select a.account_id, a.tenant_id, a.number, a.uuid, a.external_id, a.name, a.email, a.first_name,
       a.last_name, a.phone, a.kind, a.address, a.tax_id, a.tax_exempt, a.currency, a.time_zone, a.metadata,
       h.status, a.created_at, a.updated_at
from account_directory d
join account a on a.account_id = d.account_id
join account_head h on h.account_id = d.account_id
where d.tenant_id = %(tenant)s and d.number = %(number)s

-- name: account_by_external_id
select a.account_id, a.tenant_id, a.number, a.uuid, a.external_id, a.name, a.email, a.first_name,
       a.last_name, a.phone, a.kind, a.address, a.tax_id, a.tax_exempt, a.currency, a.time_zone, a.metadata,
       h.status, a.created_at, a.updated_at
from account_directory d
join account a on a.account_id = d.account_id
join account_head h on h.account_id = d.account_id
where d.tenant_id = %(tenant)s and d.external_id = %(external_id)s

-- name: accounts
select a.account_id, a.tenant_id, a.number, a.uuid, a.external_id, a.name, a.email, a.first_name,
       a.last_name, a.phone, a.kind, a.address, a.tax_id, a.tax_exempt, a.currency, a.time_zone, a.metadata,
       h.status, a.created_at, a.updated_at
from account_directory d
join account a on a.account_id = d.account_id
join account_head h on h.account_id = d.account_id
where d.tenant_id = %(tenant)s and d.number > %(after)s
  and (%(status)s::text is null or h.status = %(status)s)
order by d.number
limit %(limit)s

-- name: accounts_by_email
-- A query of its own, so that its plan is always the index on the address.
select a.account_id, a.tenant_id, a.number, a.uuid, a.external_id, a.name, a.email, a.first_name,
       a.last_name, a.phone, a.kind, a.address, a.tax_id, a.tax_exempt, a.currency, a.time_zone, a.metadata,
       h.status, a.created_at, a.updated_at
from account a
join account_head h on h.account_id = a.account_id
where a.tenant_id = %(tenant)s and a.email <> '' and lower(a.email) = %(email)s and a.number > %(after)s
  and (%(status)s::text is null or h.status = %(status)s)
order by a.number
limit %(limit)s

-- name: accounts_not_active
-- Of a status that few have: by the index of those.
select a.account_id, a.tenant_id, a.number, a.uuid, a.external_id, a.name, a.email, a.first_name,
       a.last_name, a.phone, a.kind, a.address, a.tax_id, a.tax_exempt, a.currency, a.time_zone, a.metadata,
       h.status, a.created_at, a.updated_at
from account_head h
join account a on a.account_id = h.account_id
where h.tenant_id = %(tenant)s and h.status <> 'active' and h.status = %(status)s and h.number > %(after)s
order by h.number
limit %(limit)s

-- name: accounts_of
select a.account_id, a.tenant_id, a.number, a.uuid, a.external_id, a.name, a.email, a.first_name,
       a.last_name, a.phone, a.kind, a.address, a.tax_id, a.tax_exempt, a.currency, a.time_zone, a.metadata,
       h.status, a.created_at, a.updated_at
from account a
join account_head h on h.account_id = a.account_id
where a.tenant_id = %(tenant)s and a.account_id = any(%(accounts)s::bigint[])

-- name: account_id_of_uuid
select account_id from account_head
where account_id = %(account)s and tenant_id = %(tenant)s and uuid = %(uuid)s

-- name: account_uuids
select account_id, uuid from account_head where account_id = any(%(accounts)s::bigint[]) and tenant_id = %(tenant)s

-- name: account_id_of_external_id
select account_id from account_directory where tenant_id = %(tenant)s and external_id = %(external_id)s

-- Signing in ----------------------------------------------------------------------------------------------

-- name: candidate
-- One row for every existing app and mode, whoever the address is.
select t.id as tenant_id, u.id as user_id, u.password_hash, coalesce(u.active, false) as active, f.locked_until
from tenant t
left join app_user u on u.app_id = t.app_id and u.email = %(email)s
left join sign_in_failure f on f.app_id = t.app_id and f.email = %(email)s
where t.app_id = %(app)s and t.mode = %(mode)s

-- name: count_failure
-- From the tenth failure on the address is locked, for 1 minute at first and twice as long each time (to 64).
-- No row: it is locked already, and this attempt does not count.
insert into sign_in_failure as f (app_id, email, failures, last_at)
values (%(app)s, %(email)s, 1, %(now)s)
on conflict (app_id, email) do update
set failures = f.failures + 1,
    last_at = excluded.last_at,
    locked_until = case when f.failures + 1 >= 10
                        then excluded.last_at + make_interval(mins => (2 ^ least(f.failures - 9, 6))::int) end
where f.locked_until is null or f.locked_until <= excluded.last_at
returning failures

-- name: lock_failure
select locked_until from sign_in_failure where app_id = %(app)s and email = %(email)s for update

-- name: forget_failures
delete from sign_in_failure where app_id = %(app)s and email = %(email)s

-- name: lock_google_sub
select pg_advisory_xact_lock(hashtextextended('google_sub:' || %(app)s::text || ':' || %(sub)s, 0))

-- name: user_of_google_sub
select id, email from app_user where app_id = %(app)s and google_sub = %(sub)s

-- name: user_of_email
select id, email from app_user where app_id = %(app)s and email = %(email)s

-- name: set_google_sub
-- A user is never handed from one subject to another.
update app_user set google_sub = %(sub)s where id = %(id)s and app_id = %(app)s and google_sub is null

-- name: lock_addresses
-- Whoever makes a user holds this row until the commit: nobody takes an address meanwhile.
select value from tenant_counter
where tenant_id = (select id from tenant where app_id = %(app)s and mode = 'live') and name = 'user'
for no key update

-- name: set_email
update app_user set email = %(email)s
where id = %(id)s and app_id = %(app)s
  and not exists (select from app_user where app_id = %(app)s and email = %(email)s)

-- name: take_names
-- Who has never signed in was named by others: what the person says of themselves is better.
update app_user
set first_name = case when %(first_name)s <> '' and (first_name = '' or last_login_at is null)
                      then %(first_name)s else first_name end,
    last_name = case when %(last_name)s <> '' and (last_name = '' or last_login_at is null)
                     then %(last_name)s else last_name end
where id = %(id)s and app_id = %(app)s and (first_name = '' or last_name = '' or last_login_at is null)

-- name: record_google_sign_in
update app_user set last_login_at = %(now)s where id = %(id)s and app_id = %(app)s

-- name: change_password
-- Only while it is still the one that was verified.
update app_user u set password_hash = %(new_hash)s
from tenant t
where t.id = %(tenant)s and u.app_id = t.app_id and u.id = %(id)s and u.active
  and u.password_hash = %(verified_hash)s

-- name: record_sign_in
-- Only while the user is still who was verified: active, with that password.
update app_user
set last_login_at = %(now)s, password_hash = coalesce(%(new_hash)s, password_hash)
where id = %(id)s and app_id = %(app)s and active and password_hash = %(verified_hash)s

-- Tokens --------------------------------------------------------------------------------------------------

-- name: insert_family
insert into refresh_family (id, tenant_id, user_id, current, rotates, created_at, expires_at)
values (%(id)s, %(tenant)s, %(user)s, %(current)s, %(rotates)s, %(now)s, %(expires_at)s)

-- name: family
select f.current, f.rotates, f.revoked_at, u.active
from refresh_family f
join app_user u on u.id = f.user_id
where f.id = %(id)s and f.tenant_id = %(tenant)s and f.user_id = %(user)s

-- name: lock_family
-- Two refreshes of one token come here one after the other.
select f.current, f.rotates, f.revoked_at, u.active
from refresh_family f
join app_user u on u.id = f.user_id
where f.id = %(id)s and f.tenant_id = %(tenant)s and f.user_id = %(user)s
for no key update of f

-- name: rotate_family
update refresh_family set current = %(current)s, expires_at = %(expires_at)s
where id = %(id)s and tenant_id = %(tenant)s

-- name: revoke_family
update refresh_family set revoked_at = %(now)s
where id = %(id)s and tenant_id = %(tenant)s and revoked_at is null

-- name: revoke_families
update refresh_family set revoked_at = clock_timestamp() where user_id = %(user)s and revoked_at is null

-- name: token_subject
-- What a token says of its user, beside itself. A home: the account's UUID stands in the token.
select u.active, t.mode, a.uuid as home
from tenant t
join app_user u on u.app_id = t.app_id
left join membership m on m.tenant_id = t.id and m.user_id = u.id and m.home
left join account a on a.account_id = m.account_id
where t.id = %(tenant)s and u.id = %(user)s

-- name: user_credential
-- The user of an access token while sign-in and user still stand, with the memberships of the token's tenant.
select u.id, u.number, u.staff, t.app_id, t.mode,
       coalesce(array_agg(m.account_id order by m.account_id) filter (where m.account_id is not null), '{}')
           as accounts,
       coalesce(array_agg(m.role order by m.account_id) filter (where m.account_id is not null), '{}') as roles,
       max(m.account_id) filter (where m.home) as home
from refresh_family f
join app_user u on u.id = f.user_id
join tenant t on t.id = f.tenant_id and t.app_id = u.app_id
left join membership m on m.tenant_id = t.id and m.user_id = u.id and m.joined_at is not null
where f.id = %(family)s and f.tenant_id = %(tenant)s and f.user_id = %(user)s
  and f.revoked_at is null and u.active
group by u.id, t.id

-- name: inactive_user
-- Whether who signed in is kept out since: told to nobody who does not hold a token of theirs.
select 1
from refresh_family f
join app_user u on u.id = f.user_id
where f.id = %(family)s and f.tenant_id = %(tenant)s and f.user_id = %(user)s and not u.active

-- Audit and request keys ----------------------------------------------------------------------------------

-- name: insert_audit
insert into audit_log (tenant_id, at, actor, action, target, reason, details)
values (%(tenant)s, clock_timestamp(), %(actor)s, %(action)s, %(target)s, %(reason)s, %(details)s::json)

-- name: audit_log
select id, at, actor, action, target, reason, details
from audit_log
where tenant_id = %(tenant)s and id < %(before)s
order by id desc
limit %(limit)s

-- name: lock_request_key
-- The same key at once: the second waits here, and then finds the first's answer.
select pg_advisory_xact_lock(hashtextextended('request_key:' || %(tenant)s::text || ':' || %(key)s, 0))

-- name: recall_request
select request_hash, status, body from request_key where tenant_id = %(tenant)s and key = %(key)s

-- name: remember_request
insert into request_key (tenant_id, key, request_hash, status, body, recorded_at)
values (%(tenant)s, %(key)s, %(request_hash)s, %(status)s, %(body)s::json, clock_timestamp())

-- Jobs: a thousand rows each, so that no lock is held for long ----------------------------------------------

-- name: purge_refresh_families
delete from refresh_family
where id in (select id from refresh_family where expires_at < %(before)s order by expires_at limit 1000)

-- name: purge_sign_in_failures
delete from sign_in_failure
where (app_id, email) in (
    select app_id, email from sign_in_failure
    where last_at < %(before)s and coalesce(locked_until < %(now)s, true)
    limit 1000
)

-- name: purge_request_keys
delete from request_key
where (tenant_id, key) in (
    select tenant_id, key from request_key where recorded_at < %(before)s order by recorded_at limit 1000
)
