-- Refunds and disputes. Can run while serving.

-- Money on its way back. amount = from_invoice (for which a credit note was issued) + from_credit (taken of the
-- customer's credit) + surplus (what nothing needed, sent back at once). ``taken`` are the credits taken back for it:
-- rows of grant, entry, credit_type and amount (microcredits). ``due_at`` is the tenant's time, ``retry_at`` the machine's.
create table refund (
    account_id     bigint not null,
    id             uuid not null,
    tenant_id      int not null references tenant,
    payment_id     uuid not null,
    gateway        text collate "C" not null,
    cause          text not null check (cause in ('request', 'duplicate', 'credit_note', 'provider')),
    status         text not null check (status in ('pending', 'succeeded', 'failed')),
    amount         bigint not null check (amount > 0),
    currency       text not null,
    from_invoice   bigint not null default 0 check (from_invoice >= 0),
    from_credit    bigint not null default 0 check (from_credit >= 0),
    surplus        bigint not null default 0 check (surplus >= 0),
    invoice_id     uuid,
    credit_note_id uuid,
    take           text not null check (take in ('unspent', 'wallet', 'keep')),
    taken          json not null default '[]',
    reason         text not null,
    ref            text collate "C",
    failure        text,
    -- whether what follows from it was done: credits, credit note, customer credit
    worked         boolean not null,
    retried_by     uuid,
    created_by     text not null,
    created_at     timestamptz not null,
    ended_at       timestamptz,
    updated_at     timestamptz not null,
    due_at         timestamptz,
    retry_at       timestamptz,
    attempts       int not null default 0,
    primary key (account_id, id),
    foreign key (account_id, payment_id) references payment,
    check (amount >= from_invoice + from_credit + surplus),
    check (due_at is null or status = 'pending'),
    check ((ended_at is null) = (status = 'pending')),
    check (retried_by is null or status = 'failed')
) with (fillfactor = 70);
create unique index refund_ref on refund (tenant_id, gateway, ref) where ref is not null;
create index refund_due on refund (tenant_id, due_at) where due_at is not null;
create index refund_tenant on refund (tenant_id, id);
create index refund_payment on refund (account_id, payment_id);
create index refund_invoice on refund (account_id, invoice_id) where invoice_id is not null;

-- A customer's bank takes a payment back, or tries to. ``policy`` is what was done about it, ``was_status`` the account's
-- status before it was blocked, ``taken`` the credits that were taken, as a refund's are.
create table dispute (
    account_id      bigint not null,
    id              uuid not null,
    tenant_id       int not null references tenant,
    payment_id      uuid not null,
    gateway         text collate "C" not null,
    ref             text collate "C" not null,
    status          text not null check (status in ('open', 'won', 'lost')),
    amount          bigint not null check (amount > 0),
    currency        text not null,
    reason          text not null default '',
    policy          text not null check (policy in ('freeze', 'claw_back', 'none')),
    was_status      text,
    taken           json not null default '[]',
    returned        json not null default '[]',
    evidence_due_at timestamptz,
    opened_at       timestamptz not null,
    closed_at       timestamptz,
    closed_by       text,
    updated_at      timestamptz not null,
    primary key (account_id, id),
    foreign key (account_id, payment_id) references payment,
    check ((closed_at is null) = (status = 'open'))
);
create unique index dispute_ref on dispute (tenant_id, gateway, ref);
create index dispute_tenant on dispute (tenant_id, id);
create index dispute_payment on dispute (account_id, payment_id);

-- Refunds and disputes that were told before the payment they are of: worked in once it succeeded.
create table early_notice (
    tenant_id   int not null references tenant,
    gateway     text collate "C" not null,
    payment_ref text collate "C" not null,
    ref         text collate "C" not null,
    kind        text not null check (kind in ('refund', 'dispute')),
    seen        json not null,
    created_at  timestamptz not null default clock_timestamp(),
    primary key (tenant_id, gateway, payment_ref, kind, ref)
);
