-- Makes apps, accounts, users, keys, the ledger, the catalog's credit types and rate cards. First migration: nothing serves yet.

-- Tenants -----------------------------------------------------------------------------------------------

create table app (
    id         uuid primary key,
    name       text not null,
    created_at timestamptz not null default now()
);

-- One product in one mode: the isolation boundary.
create table tenant (
    id                  int generated always as identity primary key,
    app_id              uuid not null references app,
    mode                text not null check (mode in ('live', 'test')),
    default_credit_type text not null default 'credits',
    currency            text not null default 'USD',
    unique (app_id, mode)
);

-- Numbers that are counted per tenant (accounts) or per app's live tenant (users).
create table tenant_counter (
    tenant_id int not null references tenant,
    name      text not null,
    value     bigint not null,
    primary key (tenant_id, name)
);

-- Secrets the first run makes: the key of API key hashes, the key of access tokens.
create table server_secret (
    name       text primary key,
    value      bytea not null,
    created_at timestamptz not null default now()
);

create table api_key (
    id           uuid primary key,
    tenant_id    int not null references tenant,
    name         text not null,
    scope        text not null check (scope in ('read', 'write', 'admin')),
    hash         bytea not null,
    hint         text not null,
    created_by   text not null,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
create index api_key_tenant on api_key (tenant_id, id);

-- A person who signs in to an app; memberships say what they may do in each mode.
create table app_user (
    id            uuid primary key,
    app_id        uuid not null references app,
    number        bigint not null,
    email         text not null check (email = lower(email)),
    password_hash text,
    first_name    text not null default '',
    last_name     text not null default '',
    staff         boolean not null default false,
    active        boolean not null default true,
    created_at    timestamptz not null default now(),
    last_login_at timestamptz,
    unique (app_id, email),
    unique (app_id, number)
);

-- Failed sign-ins of an address, known or not, so that guessing is slowed alike for both.
create table sign_in_failure (
    app_id       uuid not null references app,
    email        text not null,
    failures     int not null,
    locked_until timestamptz,
    last_at      timestamptz not null,
    primary key (app_id, email)
);

-- A family is one sign-in; each refresh replaces its token, and a replaced token that returns revokes the family.
create table refresh_family (
    id           uuid primary key,
    tenant_id    int not null references tenant,
    user_id      uuid not null references app_user,
    current      uuid not null,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null,
    revoked_at   timestamptz
);
create index refresh_family_expiry on refresh_family (expires_at);
create index refresh_family_user on refresh_family (user_id) where revoked_at is null;

-- Answers of writes that name no account, kept under their idempotency key.
create table request_key (
    tenant_id    int not null references tenant,
    key          text collate "C" not null,
    request_hash bytea not null,
    status       int not null,
    body         json not null,
    recorded_at  timestamptz not null default now(),
    primary key (tenant_id, key)
);
create index request_key_age on request_key (recorded_at);

-- Every manual act, with who did it and why.
create table audit_log (
    tenant_id int not null references tenant,
    id        bigint generated always as identity,
    at        timestamptz not null default now(),
    actor     text not null,
    action    text not null,
    target    text not null,
    reason    text,
    details   json not null default '{}',
    primary key (tenant_id, id)
);

-- Where a tenant finds its accounts by number or by the product's own id.
create table account_directory (
    tenant_id   int not null references tenant,
    number      bigint not null,
    account_id  bigint not null,
    external_id text collate "C",
    primary key (tenant_id, number),
    unique (tenant_id, external_id)
);

-- Accounts: keys start with the account -----------------------------------------------------------------

create sequence account_id_seq;

-- Who the account is. What the ledger needs of it stands on its head as well.
create table account (
    account_id bigint primary key,
    tenant_id  int not null references tenant,
    number     bigint not null,
    uuid       uuid not null,
    external_id text collate "C",
    name       text not null default '',
    email      text not null default '',
    currency   text not null,
    time_zone  text not null default 'UTC',
    metadata   json not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index account_email on account (tenant_id, lower(email), number) where email <> '';

create table membership (
    tenant_id  int not null references tenant,
    user_id    uuid not null references app_user,
    account_id bigint not null references account,
    role       text not null check (role in ('viewer', 'member', 'admin', 'owner')),
    home       boolean not null default false,
    created_at timestamptz not null default now(),
    primary key (tenant_id, user_id, account_id)
);
create unique index membership_home on membership (tenant_id, user_id) where home;
create index membership_account on membership (account_id);

-- The root of an account and the only row the ledger locks.
create table account_head (
    account_id  bigint primary key,
    tenant_id   int not null,
    number      bigint not null,
    uuid        uuid not null,
    external_id text collate "C",
    status      text not null default 'active' check (status in ('active', 'closed')),
    seq         bigint not null default 0,
    hold_seq    bigint not null default 0,
    last_at     timestamptz not null default now(),
    next_due_at timestamptz
) with (fillfactor = 50);
create index account_head_due on account_head (next_due_at) where next_due_at is not null;

create table wallet (
    account_id  bigint not null,
    credit_type text collate "C" not null,
    posted      bigint not null default 0,
    held        bigint not null default 0,
    owed        bigint not null default 0,
    overdraft   bigint not null default 0,
    updated_at  timestamptz not null,
    primary key (account_id, credit_type),
    check (held >= 0 and owed >= 0 and overdraft >= 0),
    constraint wallet_limit check (posted - held >= -overdraft)
) with (fillfactor = 50);

-- One immutable row per change of a wallet's posted balance. It carries its contra account, so it is both legs.
create table entry (
    account_id      bigint not null,
    seq             bigint not null,
    credit_type     text collate "C" not null,
    kind            text not null check (kind in
                        ('grant', 'debit', 'capture', 'expire', 'reverse', 'refund', 'transfer', 'adjust')),
    amount          bigint not null check (amount <> 0),
    posted_after    bigint not null,
    held_after      bigint not null,
    available_after bigint not null,
    contra          text not null,
    operation       text,
    quantity        bigint,
    rate_version    int,
    reference       text,
    description     text,
    metadata        json,
    splits          jsonb not null,
    hold            bigint,
    reverses        bigint,
    detail          json,
    op_key          text collate "C",
    request_hash    bytea,
    actor           text not null,
    effective_at    timestamptz not null,
    recorded_at     timestamptz not null default clock_timestamp(),
    primary key (account_id, seq)
);
create unique index entry_op_key on entry (account_id, op_key) where op_key is not null;
create index entry_reverses on entry (account_id, reverses) where reverses is not null;
create index entry_hold on entry (account_id, hold, seq) where hold is not null;

-- A lot of credits; its id is the seq of the entry that made it.
create table credit_grant (
    account_id  bigint not null,
    id          bigint not null,
    credit_type text collate "C" not null,
    source      text not null check (source in ('plan', 'purchase', 'bonus', 'promo', 'adjustment', 'refund')),
    amount      bigint not null check (amount > 0),
    remaining   bigint not null,
    held        bigint not null default 0,
    priority    int not null default 0,
    expires_at  timestamptz,
    closed      boolean not null default false,
    paid_minor  bigint,
    currency    text,
    created_at  timestamptz not null,
    primary key (account_id, id),
    check (0 <= held and held <= remaining and remaining <= amount)
) with (fillfactor = 50);
create index credit_grant_open on credit_grant (account_id) where not closed;

create table hold (
    account_id   bigint not null,
    id           bigint not null,
    credit_type  text collate "C" not null,
    amount       bigint not null check (amount > 0),
    captured     bigint not null default 0 check (captured >= 0),
    released     bigint not null default 0 check (released >= 0),
    reported     bigint not null default 0 check (reported >= 0),
    state        text not null check (state in ('active', 'captured', 'released', 'expired')),
    expires_at   timestamptz not null,
    on_expiry    text not null check (on_expiry in ('release', 'capture_reported')),
    splits       jsonb not null,
    operation    text,
    reference    text,
    description  text,
    metadata     json,
    opened       json not null,
    op_key       text collate "C",
    request_hash bytea,
    actor        text not null,
    created_at   timestamptz not null,
    ended_at     timestamptz,
    primary key (account_id, id),
    check (captured + released <= amount)
) with (fillfactor = 70);
create unique index hold_op_key on hold (account_id, op_key) where op_key is not null;
create index hold_active on hold (account_id) where state = 'active';

-- Answers that no entry and no hold can say again: declines under a client's key, and acts that post nothing.
create table outcome (
    account_id   bigint not null,
    op_key       text collate "C" not null,
    request_hash bytea not null,
    kind         text not null,
    declined     boolean not null,
    answer       json not null,
    recorded_at  timestamptz not null default clock_timestamp(),
    expires_at   timestamptz,
    primary key (account_id, op_key)
);
create index outcome_expiry on outcome (expires_at) where expires_at is not null;

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'ledger entries are immutable: % on % refused', tg_op, tg_table_name
        using errcode = 'restrict_violation';
end $$;
create trigger entry_immutable before update or delete on entry
    for each row execute function refuse_change();
create trigger entry_not_truncated before truncate on entry
    for each statement execute function refuse_change();

-- Catalog -----------------------------------------------------------------------------------------------

create table credit_type (
    tenant_id  int not null references tenant,
    code       text collate "C" not null,
    name       text not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, code)
);

-- A rate card is replaced whole; versions are immutable and the one in force is chosen by time.
create table rate_card (
    tenant_id    int not null references tenant,
    version      int not null,
    effective_at timestamptz not null,
    created_at   timestamptz not null default now(),
    created_by   text not null,
    primary key (tenant_id, version)
);
create index rate_card_effective on rate_card (tenant_id, effective_at, version);

create table rate (
    tenant_id   int not null,
    version     int not null,
    operation   text collate "C" not null,
    credit_type text collate "C" not null,
    cost        bigint not null check (cost > 0),
    primary key (tenant_id, version, operation),
    foreign key (tenant_id, version) references rate_card
);

-- Request statistics ------------------------------------------------------------------------------------

-- Answered requests by the minute they began in.
create table request_count (
    account_id bigint not null,
    minute     timestamptz not null,
    route      text collate "C" not null,
    ok         boolean not null,
    count      bigint not null check (count > 0),
    primary key (account_id, minute, route, ok)
) with (fillfactor = 70);

-- The same by the day of UTC, written with the minutes: a year is read from days, its edges from minutes.
create table request_day (
    account_id bigint not null,
    day        date not null,
    route      text collate "C" not null,
    ok         boolean not null,
    count      bigint not null check (count > 0),
    primary key (account_id, day, route, ok)
) with (fillfactor = 50);

-- What was counted in the last moments, appended as it comes: the worker folds it into minutes and days, so that
-- many accounts at once cost an insert each and no update.
create table request_fresh (
    account_id bigint not null,
    minute     timestamptz not null,
    route      text collate "C" not null,
    ok         boolean not null,
    count      bigint not null check (count > 0)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
create index request_fresh_account on request_fresh (account_id);

-- The role the application works under: it may add to the books, never rewrite them -----------------------

do $$
begin
    create role tallystick_app nologin;
exception
    when duplicate_object or unique_violation then null;
    when insufficient_privilege then
        raise warning 'cannot create the role tallystick_app: the application keeps the rights of its login';
end $$;

do $$
begin
    if exists (select from pg_roles where rolname = 'tallystick_app') then
        begin
            -- not ours to give where another login made the role: then the application keeps its login's rights
            if not pg_has_role(current_user, 'tallystick_app', 'member') then
                execute format('grant tallystick_app to %I', current_user);
            end if;
        exception
            when insufficient_privilege then
                raise warning 'this login may not use the role tallystick_app: it keeps its own rights';
        end;
        execute format('grant usage on schema %I to tallystick_app', current_schema());
        execute format('grant select, insert, update, delete on all tables in schema %I to tallystick_app', current_schema());
        execute format('grant usage, select on all sequences in schema %I to tallystick_app', current_schema());
        execute format('alter default privileges in schema %I grant select, insert, update, delete on tables to tallystick_app', current_schema());
        execute format('alter default privileges in schema %I grant usage, select on sequences to tallystick_app', current_schema());
        revoke update, delete on entry from tallystick_app;
    end if;
end $$;
