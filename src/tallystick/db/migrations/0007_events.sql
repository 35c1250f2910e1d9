-- What happened, to be told to others. Can run while serving.

-- Written with the fact itself. ``place`` orders the events of an account, since they are written under its lock. ``data``
-- is what receivers are told. ``fresh``: nobody was asked yet who wants to hear of it.
create table event (
    tenant_id  int not null references tenant,
    place      bigint generated always as identity,
    id         uuid not null,
    type       text collate "C" not null,
    account_id bigint,
    at         timestamptz not null,
    data       json not null,
    fresh      boolean not null default true,
    created_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, place)
);
create unique index event_id on event (tenant_id, id);
create index event_account on event (account_id, place) where account_id is not null;
create index event_fresh on event (place) where fresh;
create index event_created on event (created_at);
