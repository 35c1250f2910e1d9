-- Webhook endpoints and deliveries. Can run while serving.

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
    -- since when nothing but failures came back, and why it was switched off
    failing_since   timestamptz,
    disabled_at     timestamptz,
    disabled_reason text,
    created_at      timestamptz not null default clock_timestamp(),
    updated_at      timestamptz not null default clock_timestamp(),
    deleted_at      timestamptz,
    primary key (tenant_id, id)
);

-- An event on its way to an endpoint. Times are the machine's.
create table webhook_delivery (
    tenant_id   int not null references tenant,
    id          uuid not null,
    endpoint_id uuid not null,
    event_place bigint not null,
    account_id  bigint,
    status      text not null default 'pending' check (status in ('pending', 'succeeded', 'failed', 'cancelled')),
    attempts    int not null default 0,
    due_at      timestamptz,
    created_at  timestamptz not null default clock_timestamp(),
    ended_at    timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, endpoint_id) references webhook_endpoint,
    check ((due_at is not null) = (status = 'pending'))
) with (fillfactor = 70);
