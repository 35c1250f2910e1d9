-- What the sandbox gateway keeps, as a provider would. Can run while serving.

-- A page that it opened. ``card`` is the one of the last try, known by its last four digits.
create table sandbox_checkout (
    tenant_id       int not null references tenant,
    checkout_id     uuid not null,
    payment_id      uuid,
    customer_ref    text collate "C" not null,
    amount          bigint not null check (amount >= 0),
    currency        text not null,
    description     text not null,
    save_method     boolean not null,
    status          text not null check (status in ('open', 'step', 'completed', 'expired')),
    card            text,
    keep_card       boolean not null default false,
    method_id       uuid,
    failure_code    text,
    failure_message text,
    created_at      timestamptz not null,
    expires_at      timestamptz not null,
    primary key (tenant_id, checkout_id),
    check ((payment_id is null) = (amount = 0))
);

-- Money that it moved, under our id: the same charge again finds its row.
create table sandbox_payment (
    tenant_id       int not null references tenant,
    payment_id      uuid not null,
    customer_ref    text collate "C" not null,
    checkout_id     uuid,
    method_id       uuid,
    card            text not null,
    amount          bigint not null check (amount > 0),
    currency        text not null,
    description     text not null,
    status          text not null check (status in
                        ('requires_action', 'processing', 'succeeded', 'failed', 'cancelled')),
    final           boolean not null,
    failure_code    text,
    failure_message text,
    -- of one that succeeds later, in the tenant's time
    succeeds_at     timestamptz,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    primary key (tenant_id, payment_id)
);
create index sandbox_payment_customer on sandbox_payment (tenant_id, customer_ref, created_at);

create table sandbox_method (
    tenant_id    int not null references tenant,
    method_id    uuid not null,
    customer_ref text collate "C" not null,
    card         text not null,
    created_at   timestamptz not null,
    removed_at   timestamptz,
    primary key (tenant_id, method_id)
);

create table sandbox_refund (
    tenant_id  int not null references tenant,
    refund_id  uuid not null,
    payment_id uuid not null,
    amount     bigint not null check (amount > 0),
    currency   text not null,
    status     text not null check (status in ('succeeded', 'failed')),
    failure    text,
    created_at timestamptz not null,
    primary key (tenant_id, refund_id),
    foreign key (tenant_id, payment_id) references sandbox_payment
);
create index sandbox_refund_payment on sandbox_refund (tenant_id, payment_id);

create table sandbox_dispute (
    tenant_id       int not null references tenant,
    payment_id      uuid not null,
    amount          bigint not null check (amount > 0),
    currency        text not null,
    created_at      timestamptz not null,
    evidence_due_at timestamptz not null,
    primary key (tenant_id, payment_id),
    foreign key (tenant_id, payment_id) references sandbox_payment
);
