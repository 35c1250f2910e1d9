-- Buying credits automatically, and alerts of low balances. Can run while serving.

-- Thresholds, in microcredits: a commit that takes what is posted and not held below one writes a signal.
alter table wallet add column watches bigint[];

-- A wallet fell below ``crossed``, of which nobody was told yet. Written and taken under the account's head.
create table wallet_signal (
    account_id  bigint not null,
    credit_type text collate "C" not null,
    tenant_id   int not null references tenant,
    at          timestamptz not null,
    available   bigint not null,
    crossed     bigint[] not null,
    primary key (account_id, credit_type)
) with (fillfactor = 70);

-- Buys credits when a wallet falls below ``threshold``: an ``amount`` of them (microcredits), or a package. ``cooldown`` in
-- seconds from one start to the next; ``monthly_cap`` in minor units with tax, of a calendar month of the account's zone.
-- ``due_at``: when it is to be looked at, in the tenant's time; ``retry_at``: the machine's time of the next try after a
-- fault. ``capped_until``: the end of the month whose cap was reached and told.
create table auto_reload (
    account_id   bigint not null,
    credit_type  text collate "C" not null,
    tenant_id    int not null references tenant,
    enabled      boolean not null,
    threshold    bigint not null check (threshold > 0),
    amount       bigint check (amount > 0),
    package_id   uuid,
    method_id    uuid,
    cooldown     int not null check (cooldown >= 0),
    monthly_cap  bigint check (monthly_cap > 0),
    currency     text not null,
    stop_reason  text,
    stop_message text,
    stopped_at   timestamptz,
    capped_until timestamptz,
    due_at       timestamptz,
    retry_at     timestamptz,
    failures     int not null default 0,
    created_at   timestamptz not null,
    updated_at   timestamptz not null,
    primary key (account_id, credit_type),
    check ((amount is null) <> (package_id is null)),
    check ((stop_reason is null) = (stopped_at is null))
) with (fillfactor = 70);
create index auto_reload_due on auto_reload (tenant_id, due_at) where due_at is not null;

-- One purchase that was begun automatically. ``amount`` is the invoice's total. ``look_at``: when its payment is looked at
-- next, in the machine's time.
create table reload (
    account_id      bigint not null,
    invoice_id      uuid not null,
    tenant_id       int not null references tenant,
    credit_type     text collate "C" not null,
    payment_id      uuid,
    status          text not null check (status in ('in_flight', 'succeeded', 'failed')),
    credits         bigint not null,
    amount          bigint not null,
    currency        text not null,
    wanted_at       timestamptz not null,
    ended_at        timestamptz,
    failure_code    text,
    failure_message text,
    look_at         timestamptz,
    primary key (account_id, invoice_id),
    foreign key (account_id, invoice_id) references invoice,
    check ((status = 'in_flight') = (look_at is not null))
) with (fillfactor = 70);
create unique index reload_one_in_flight on reload (account_id, credit_type) where status = 'in_flight';
create index reload_look on reload (look_at) where look_at is not null;
create index reload_wanted on reload (account_id, credit_type, wanted_at);

-- Tells when a wallet falls below a threshold, each time; ``told_at`` the last.
create table balance_alert (
    account_id  bigint not null,
    id          uuid not null,
    tenant_id   int not null references tenant,
    credit_type text collate "C" not null,
    threshold   bigint not null check (threshold > 0),
    email       boolean not null,
    created_at  timestamptz not null,
    told_at     timestamptz,
    primary key (account_id, id),
    unique (account_id, credit_type, threshold)
);
