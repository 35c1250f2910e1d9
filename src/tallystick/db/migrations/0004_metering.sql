-- Usage events in monthly partitions, their keys, hourly rollups and meters. Can run while serving.

-- What was used. Partitioned by receipt, which the id tells too, so that one event is found in one partition.
create table usage_event (
    account_id   bigint not null,
    id           uuid not null,
    received_at  timestamptz not null,
    metric       text collate "C" not null,
    quantity     bigint not null check (quantity >= 0),
    at           timestamptz not null,
    event_id     text collate "C",
    subscription uuid,
    metadata     json,
    operation    text collate "C",
    entry        bigint,
    changes      int not null default 0,
    deleted_at   timestamptz,
    primary key (account_id, id, received_at)
) partition by range (received_at);
create index usage_event_metric on usage_event (account_id, metric, at) where deleted_at is null;
create table usage_event_default partition of usage_event default;

-- Which ids of events an account has used, and for what: partitions come and go, an id counts once for ever.
create table usage_key (
    account_id   bigint not null,
    key          text collate "C" not null,
    id           uuid not null,
    request_hash bytea not null,
    primary key (account_id, key)
);

-- Corrections and deletions: what the event said before, who changed it and why.
create table usage_change (
    account_id bigint not null,
    id         uuid not null,
    number     int not null,
    kind       text not null check (kind in ('corrected', 'deleted')),
    at         timestamptz not null,
    quantity   bigint not null,
    entry      bigint,
    actor      text not null,
    reason     text not null,
    primary key (account_id, id, number)
);

-- Events of an hour (of UTC), added up in the commit that records or changes them.
create table usage_hour (
    account_id bigint not null,
    metric     text collate "C" not null,
    hour       timestamptz not null,
    count      bigint not null,
    sum        numeric(38, 0) not null,
    primary key (account_id, metric, hour)
) with (fillfactor = 50);

create table meter (
    tenant_id   int not null references tenant,
    id          uuid not null,
    key         text collate "C" not null,
    name        text not null,
    metric      text collate "C" not null,
    aggregation text not null check (aggregation in ('count', 'sum', 'max', 'unique', 'latest', 'time_weighted')),
    field       text collate "C",
    filters     json not null default '[]',
    group_by    text[] not null default '{}',
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    deleted_at  timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, key)
);

-- Makes the partition of a month (its first day, in UTC) unless it is there; whether it was made. Events of that
-- month that came meanwhile stand in the default partition and move. Runs with the rights of the tables' owner.
create function add_usage_partition(month date) returns boolean
language plpgsql security definer set search_path from current as $$
declare
    name  text := 'usage_event_' || to_char(month, 'YYYYMM');
    start timestamptz := date_trunc('month', month)::timestamp at time zone 'UTC';
    stop  timestamptz := (date_trunc('month', month)::timestamp + interval '1 month') at time zone 'UTC';
begin
    perform pg_advisory_xact_lock(7258134905220419);
    if to_regclass(name) is not null then
        return false;
    end if;
    lock table usage_event_default in access exclusive mode;
    execute format('create table %I (like usage_event including defaults including constraints)', name);
    execute format('with moved as (delete from usage_event_default where received_at >= $1 and received_at < $2'
                   ' returning *) insert into %I select * from moved', name) using start, stop;
    execute format('alter table usage_event attach partition %I for values from (%L) to (%L)', name, start, stop);
    return true;
end $$;

select add_usage_partition((date_trunc('month', now() at time zone 'UTC') + n * interval '1 month')::date)
from generate_series(0, 2) n;
