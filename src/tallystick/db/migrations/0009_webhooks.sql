-- Webhook endpoints, deliveries and their attempts. Can run while serving.

-- Where a tenant's events go. ``types`` holds event types, ``invoice.*`` for a group, or ``*``. Secrets are sealed; the
-- previous one signs as well until ``previous_until``. ``ordered``: an account's events one after another.
create table webhook_endpoint (
    tenant_id       int not null references tenant,
    id              uuid not null,
    url             text not null,
    description     text not null default '',
    types           text[] collate "C" not null,
    ordered         boolean not null default false,
    enabled         boolean not null default true,
    secret          bytea not null,
    previous_secret bytea,
    previous_until  timestamptz,
    -- since when nothing but failures came back, how many, and why it was switched off
    failing_since   timestamptz,
    failures        int not null default 0,
    disabled_at     timestamptz,
    disabled_reason text check (disabled_reason in ('manual', 'failing', 'gone')),
    created_at      timestamptz not null default clock_timestamp(),
    updated_at      timestamptz not null default clock_timestamp(),
    deleted_at      timestamptz,
    primary key (tenant_id, id),
    check (enabled or disabled_at is not null)
);

-- An event on its way to an endpoint. Times are the machine's. While it is being sent (``in_flight``) ``due_at`` is when
-- it is taken for lost and sent again. ``ordered`` ones of an account go one by one: the others are ``waiting``.
-- ``attempts`` numbers the tries ever made, ``failures`` counts those since it was last asked for.
create table webhook_delivery (
    tenant_id   int not null references tenant,
    place       bigint generated always as identity,
    id          uuid not null,
    endpoint_id uuid not null,
    event_place bigint not null,
    event_id    uuid not null,
    event_type  text collate "C" not null,
    account_id  bigint,
    ordered     boolean not null,
    waiting     boolean not null,
    in_flight   boolean not null default false,
    status      text not null default 'pending' check (status in ('pending', 'succeeded', 'failed', 'cancelled')),
    attempts    int not null default 0,
    failures    int not null default 0,
    last_status int,
    last_error  text,
    due_at      timestamptz,
    created_at  timestamptz not null default clock_timestamp(),
    ended_at    timestamptz,
    primary key (tenant_id, place),
    foreign key (tenant_id, endpoint_id) references webhook_endpoint,
    check ((due_at is not null) = (status = 'pending')),
    check (not waiting or (ordered and status = 'pending' and not in_flight)),
    check (not ordered or account_id is not null)
) with (fillfactor = 70);
create unique index webhook_delivery_id on webhook_delivery (tenant_id, id);
create unique index webhook_delivery_event on webhook_delivery (event_place, endpoint_id);
create index webhook_delivery_endpoint on webhook_delivery (tenant_id, endpoint_id, place);
create index webhook_delivery_due on webhook_delivery (tenant_id, endpoint_id, due_at)
    where due_at is not null and not waiting;
create index webhook_delivery_queue on webhook_delivery (endpoint_id, account_id, waiting, event_place)
    where status = 'pending' and ordered;

-- What was sent and what came back; the body sent is the event's. Nothing secret is among the headers.
create table webhook_attempt (
    tenant_id        int not null,
    delivery_place   bigint not null,
    number           int not null,
    at               timestamptz not null,
    url              text not null,
    request_headers  json not null,
    status           int,
    response_headers json not null,
    response_body    text not null,
    error            text,
    detail           text,
    duration_ms      int not null,
    primary key (delivery_place, number)
);
