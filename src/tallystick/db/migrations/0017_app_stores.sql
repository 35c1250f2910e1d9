-- What app stores say of apps: what is known now, how it changed, what was searched for. Can run while serving.

-- One app in one country's store, in one language, as a tenant knows it. ``data`` is what the store said at ``fetched_at``
-- (the tenant's time, as all moments here are, save a lease's), ``before`` what was known at the end of the day before
-- ``day``, the UTC day of that fetch. ``fetches`` counts them. ``asked_at``: when somebody asked for it last, to within a
-- day; null for what was only met in a search. ``due_at``: when it is fetched next for its history.
create table app_listing (
    id         bigint generated always as identity primary key,
    tenant_id  int not null references tenant,
    platform   text not null check (platform in ('android', 'apple')),
    app_id     text collate "C" not null,
    country    text collate "C" not null,
    language   text collate "C" not null,
    data       json not null,
    before     json,
    day        date not null,
    fetched_at timestamptz not null,
    fetches    bigint not null,
    asked_at   timestamptz,
    due_at     timestamptz,
    failures   int not null default 0,
    created_at timestamptz not null,
    unique (tenant_id, platform, app_id, country, language)
) with (fillfactor = 80);
create index app_listing_of_tenant on app_listing (tenant_id, id);
create index app_listing_due on app_listing (tenant_id, due_at) where due_at is not null;

-- A field's value at the end of a day on which it changed; null where the store tells it no more. Led by tenant, listing
-- and day, so that a history reads the days of its range and no others.
create table app_change (
    tenant_id int not null references tenant,
    listing   bigint not null references app_listing,
    day       date not null,
    field     text collate "C" not null,
    value     json not null,
    primary key (tenant_id, listing, day, field)
);

-- Who is fetching an app, until when by the machine's time, so that of several processes one does. Kept beside the
-- listing, which is not there before something was fetched.
create table app_fetch (
    tenant_id int not null references tenant,
    platform  text collate "C" not null,
    app_id    text collate "C" not null,
    country   text collate "C" not null,
    language  text collate "C" not null,
    holder    uuid not null,
    until     timestamptz not null,
    primary key (tenant_id, platform, app_id, country, language)
);
create index app_fetch_until on app_fetch (until);

create table app_keyword (
    id        bigint generated always as identity primary key,
    tenant_id int not null references tenant,
    platform  text not null check (platform in ('android', 'apple')),
    keyword   text collate "C" not null,
    country   text collate "C" not null,
    language  text collate "C" not null,
    searches  bigint not null,
    first_at  timestamptz not null,
    last_at   timestamptz not null,
    unique (tenant_id, platform, country, language, keyword)
) with (fillfactor = 80);
create index app_keyword_of_tenant on app_keyword (tenant_id, id);
