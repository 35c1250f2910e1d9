-- Gateways, checkouts, payments and saved ways to pay. Can run while serving.

-- Credits may be bought by an invoice.
alter table invoice drop constraint invoice_reason_check;
alter table invoice add constraint invoice_reason_check
    check (reason in ('cycle', 'create', 'change', 'cancel', 'manual', 'purchase')) not valid;

-- What a credit costs where a free amount is bought: millionths of a minor unit of the tenant's currency; null: one unit.
alter table credit_type add column unit_price bigint check (unit_price > 0);

-- How a tenant uses a gateway. ``secrets`` is sealed JSON and never shown; ``hints`` are their last characters.
create table gateway_setting (
    tenant_id  int not null references tenant,
    gateway    text collate "C" not null,
    enabled    boolean not null,
    standard   boolean not null default false,
    options    json not null default '{}',
    secrets    bytea,
    hints      json not null default '{}',
    updated_at timestamptz not null,
    primary key (tenant_id, gateway)
);
create unique index gateway_setting_standard on gateway_setting (tenant_id) where standard;

-- What a tenant does with money that is too much, refunded or disputed; absent: the defaults of ``payments/policy.py``.
create table payment_policy (
    tenant_id  int primary key references tenant,
    policy     json not null,
    updated_at timestamptz not null
);

-- Who an account is at a gateway.
create table gateway_customer (
    account_id bigint not null,
    gateway    text collate "C" not null,
    tenant_id  int not null references tenant,
    ref        text collate "C" not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (account_id, gateway)
);
create unique index gateway_customer_ref on gateway_customer (tenant_id, gateway, ref);

-- A saved way to pay: never a card number, only what a person knows a card by.
create table payment_method (
    account_id bigint not null,
    id         uuid not null,
    tenant_id  int not null references tenant,
    gateway    text collate "C" not null,
    ref        text collate "C" not null,
    kind       text not null,
    brand      text not null default '',
    last4      text not null default '' check (length(last4) <= 4),
    exp_month  int,
    exp_year   int,
    standard   boolean not null default false,
    created_at timestamptz not null,
    removed_at timestamptz,
    primary key (account_id, id)
);
create unique index payment_method_ref on payment_method (tenant_id, gateway, ref);
create unique index payment_method_standard on payment_method (account_id) where standard and removed_at is null;

-- Credits that an invoice buys: given in the commit in which it is paid. Credits are microcredits.
create table purchase (
    account_id         bigint not null,
    invoice_id         uuid not null,
    tenant_id          int not null references tenant,
    package_id         uuid,
    cause              text not null check (cause in ('checkout', 'reload')),
    credit_type        text collate "C" not null,
    credits            bigint not null check (credits > 0),
    bonus              bigint not null default 0 check (bonus >= 0),
    expires_after_days int,
    -- the ledger's grants, once they are given
    grant_id           bigint,
    bonus_grant_id     bigint,
    fulfilled_at       timestamptz,
    created_at         timestamptz not null,
    primary key (account_id, invoice_id),
    foreign key (account_id, invoice_id) references invoice
);

-- A page where a customer pays an invoice, takes a plan, or saves a way to pay.
create table checkout (
    account_id  bigint not null,
    id          uuid not null,
    tenant_id   int not null references tenant,
    gateway     text collate "C" not null,
    kind        text not null check (kind in ('invoice', 'plan', 'method')),
    status      text not null check (status in ('open', 'completed', 'expired')),
    invoice_id  uuid,
    -- the plan that is taken when it completes: plan, version, overrides, billing
    intent      json,
    -- made an invoice or a subscription of its own, which are taken back when it expires
    own_invoice boolean not null default false,
    payment_id  uuid,
    amount      bigint not null check (amount >= 0),
    currency    text not null,
    save_method boolean not null,
    success_url text not null default '',
    cancel_url  text not null default '',
    url         text,
    ref         text collate "C",
    metadata    json not null default '{}',
    created_by  text not null,
    created_at  timestamptz not null,
    expires_at  timestamptz not null,
    ended_at    timestamptz,
    -- of the next step by itself, in the tenant's time; the machine's time of the next try after a failure
    due_at      timestamptz,
    retry_at    timestamptz,
    attempts    int not null default 0,
    primary key (account_id, id)
);
create unique index checkout_ref on checkout (tenant_id, gateway, ref) where ref is not null;
create index checkout_due on checkout (tenant_id, due_at) where due_at is not null;
create index checkout_tenant on checkout (tenant_id, id);
create index checkout_invoice on checkout (account_id, invoice_id) where invoice_id is not null;

-- Money on its way through a gateway. amount = applied (to the invoice) + to_credit (of the customer) + to_refund (sent
-- back at once, being too much) once it succeeded. ``refunded`` counts refunds that are pending or succeeded.
create table payment (
    account_id      bigint not null,
    id              uuid not null,
    tenant_id       int not null references tenant,
    number          bigint generated always as identity,
    gateway         text collate "C" not null,
    cause           text not null check (cause in ('checkout', 'request', 'dunning', 'reload')),
    status          text not null check (status in
                        ('pending', 'requires_action', 'processing', 'succeeded', 'failed', 'cancelled')),
    invoice_id      uuid,
    checkout_id     uuid,
    method_id       uuid,
    amount          bigint not null check (amount > 0),
    currency        text not null,
    applied         bigint not null default 0 check (applied >= 0),
    to_credit       bigint not null default 0 check (to_credit >= 0),
    to_refund       bigint not null default 0 check (to_refund >= 0),
    refunded        bigint not null default 0 check (refunded >= 0 and refunded <= amount),
    failure_code    text,
    failure_message text,
    action_url      text,
    ref             text collate "C",
    reference       text not null default '',
    created_by      text not null,
    -- the tenant's time for which it was wanted: what a test clock counts it by
    wanted_at       timestamptz not null,
    created_at      timestamptz not null,
    ended_at        timestamptz,
    updated_at      timestamptz not null,
    -- when the provider saw what the status says: of two that mean as much the later counts
    seen_at         timestamptz,
    due_at          timestamptz,
    retry_at        timestamptz,
    attempts        int not null default 0,
    primary key (account_id, id),
    check (status <> 'succeeded' or amount = applied + to_credit + to_refund),
    check (status = 'succeeded' or applied + to_credit + to_refund + refunded = 0)
) with (fillfactor = 70);
create unique index payment_number on payment (tenant_id, number);
create unique index payment_ref on payment (tenant_id, gateway, ref) where ref is not null;
create index payment_due on payment (tenant_id, due_at) where due_at is not null;
create index payment_tenant on payment (tenant_id, id);
create index payment_invoice on payment (account_id, invoice_id) where invoice_id is not null;

-- What a provider told us, each once.
create table provider_event (
    tenant_id   int not null references tenant,
    gateway     text collate "C" not null,
    event_id    text collate "C" not null,
    type        text not null,
    happened_at timestamptz,
    received_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, gateway, event_id)
);
create index provider_event_age on provider_event (received_at);
