-- Features, plans with their versions, and packages. Can run while serving.

create table feature (
    tenant_id   int not null references tenant,
    id          uuid not null,
    number      bigint not null,
    key         text collate "C" not null,
    name        text not null,
    description text not null,
    type        text not null check (type in ('BOOLEAN', 'HARD_LIMIT', 'CREDIT_BASED')),
    category    text not null,
    unit        text not null,
    credit_type text collate "C",
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    deleted_at  timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, number),
    foreign key (tenant_id, credit_type) references credit_type
);
create unique index feature_key on feature (tenant_id, key) where deleted_at is null;

-- A plan as it stands. A deleted one is hidden; its versions stay for those who held them.
create table plan (
    tenant_id   int not null references tenant,
    id          uuid not null,
    number      bigint not null,
    key         text collate "C",
    name        text not null,
    description text not null,
    tier        text,
    rank        int,
    status      text not null check (status in ('active', 'archived')),
    version     int not null,
    metadata    json not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    deleted_at  timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, number)
);
create unique index plan_key on plan (tenant_id, key) where key is not null and deleted_at is null;

-- What a plan gave and cost from a moment on. Never changes: subscriptions are billed by it. What stands beside
-- the terms is of them, to be searched for.
create table plan_version (
    tenant_id    int not null,
    plan_id      uuid not null,
    version      int not null,
    terms        json not null,
    interval     text not null,
    currency     text not null,
    features     text[] collate "C" not null,
    created_at   timestamptz not null,
    created_by   text not null,
    primary key (tenant_id, plan_id, version),
    foreign key (tenant_id, plan_id) references plan
);

create function refuse_plan_change() returns trigger language plpgsql as $$
begin
    raise exception 'a plan''s versions are immutable: % on % refused', tg_op, tg_table_name
        using errcode = 'restrict_violation';
end $$;
create trigger plan_version_immutable before update or delete on plan_version
    for each row execute function refuse_plan_change();

create table package (
    tenant_id          int not null references tenant,
    id                 uuid not null,
    number             bigint not null,
    key                text collate "C",
    name               text not null,
    description        text not null,
    credit_type        text collate "C" not null,
    credits            bigint not null check (credits > 0),
    bonus              bigint not null check (bonus >= 0),
    price              bigint not null check (price >= 0),
    currency           text not null,
    expires_after_days int check (expires_after_days > 0),
    active             boolean not null,
    metadata           json not null,
    created_at         timestamptz not null,
    updated_at         timestamptz not null,
    deleted_at         timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, number),
    foreign key (tenant_id, credit_type) references credit_type
);
create unique index package_key on package (tenant_id, key) where key is not null and deleted_at is null;
