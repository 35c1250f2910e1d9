-- Makes invoices, credit notes, customer credit, tax rates and the seller's settings. New tables alone: may run while the server serves.

-- The seller's side of a tenant: who bills, how numbers read, when money is due. Without a row the defaults hold.
create table billing_settings (
    tenant_id             int primary key references tenant,
    seller                json not null,
    invoice_pattern       text not null,
    credit_note_pattern   text not null,
    days_until_due        int not null check (days_until_due >= 0),
    grace_seconds         int not null check (grace_seconds >= 0),
    end_unpaid_after_days int not null check (end_unpaid_after_days >= 0),
    locale                text not null,
    time_zone             text not null,
    footer                text not null,
    updated_at            timestamptz not null
);

-- Rates are millionths (7.5 % = 75000). A tenant has at most one default.
create table tax_rate (
    tenant_id  int not null references tenant,
    id         uuid not null,
    name       text not null,
    rate       int not null check (rate between 0 and 1000000),
    inclusive  boolean not null,
    country    text not null default '',
    region     text not null default '',
    standard   boolean not null default false,
    active     boolean not null default true,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, id),
    check (active or not standard)
);
create unique index tax_rate_standard on tax_rate (tenant_id) where standard;

-- The last number of a sequence; a scope is a number's text without its sequence, such as INV-2026-{SEQ}.
create table invoice_counter (
    tenant_id int not null references tenant,
    kind      text not null check (kind in ('invoice', 'credit_note')),
    scope     text collate "C" not null,
    value     bigint not null,
    primary key (tenant_id, kind, scope)
);

-- Amounts are minor units. total = subtotal + tax + carried; amount_due = total - credit_applied - credited.
create table invoice (
    account_id      bigint not null,
    id              uuid not null,
    tenant_id       int not null references tenant,
    place           bigint generated always as identity,
    number          text collate "C",
    scope           text collate "C",
    seq             bigint,
    status          text not null check (status in ('draft', 'open', 'paid', 'void', 'uncollectible')),
    currency        text not null,
    subscription_id uuid,
    reason          text not null check (reason in ('cycle', 'create', 'change', 'cancel', 'manual')),
    subtotal        bigint not null,
    tax             bigint not null,
    carried         bigint not null default 0 check (carried >= 0),
    total           bigint not null check (total >= 0),
    credit_applied  bigint not null default 0 check (credit_applied >= 0),
    credited        bigint not null default 0 check (credited >= 0),
    amount_due      bigint not null check (amount_due >= 0),
    amount_paid     bigint not null default 0,
    period_start    timestamptz,
    period_end      timestamptz,
    issued_at       timestamptz,
    due_at          timestamptz,
    paid_at         timestamptz,
    voided_at       timestamptz,
    seller          json not null,
    buyer           json not null,
    taxes           json not null,
    memo            text not null default '',
    metadata        json not null default '{}',
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    primary key (account_id, id),
    check (total = subtotal + tax + carried),
    check (amount_due = total - credit_applied - credited),
    check (amount_paid between 0 and amount_due),
    check ((number is null) = (seq is null) and (number is null) = (scope is null)),
    check (number is null or status <> 'draft')
) with (fillfactor = 80);
create unique index invoice_number on invoice (tenant_id, number) where number is not null;
create unique index invoice_sequence on invoice (tenant_id, scope, seq) where seq is not null;
create index invoice_place on invoice (tenant_id, place);
create index invoice_account on invoice (account_id, place);
create index invoice_unpaid on invoice (account_id) where status = 'open';

-- amount is the line as it was charged; net is what it is without tax. Quantities are millionths, unit prices
-- millionths of a minor unit.
create table invoice_line (
    account_id   bigint not null,
    invoice_id   uuid not null,
    position     int not null check (position > 0),
    kind         text not null check (kind in ('plan', 'usage', 'one_time', 'proration', 'correction')),
    description  text not null,
    quantity     bigint not null,
    unit_price   bigint,
    amount       bigint not null,
    net          bigint not null,
    tax          bigint not null,
    taxes        json not null,
    component    text,
    period_start timestamptz,
    period_end   timestamptz,
    details      json not null default '{}',
    primary key (account_id, invoice_id, position),
    foreign key (account_id, invoice_id) references invoice on delete cascade
);

-- Money that came in for an invoice; applied is the part that paid it, the rest became customer credit.
create table invoice_payment (
    account_id bigint not null,
    invoice_id uuid not null,
    seq        int not null check (seq > 0),
    amount     bigint not null check (amount > 0),
    applied    bigint not null check (applied between 0 and amount),
    reference  text not null default '',
    actor      text not null,
    paid_at    timestamptz not null,
    primary key (account_id, invoice_id, seq),
    foreign key (account_id, invoice_id) references invoice
);

-- total = net + tax = applied + to_credit + refund_due: what lowered the invoice's due, what became customer credit,
-- what is to be paid back.
create table credit_note (
    account_id  bigint not null,
    id          uuid not null,
    tenant_id   int not null references tenant,
    place       bigint generated always as identity,
    number      text collate "C",
    scope       text collate "C",
    seq         bigint,
    invoice_id  uuid not null,
    currency    text not null,
    subtotal    bigint not null check (subtotal >= 0),
    tax         bigint not null check (tax >= 0),
    total       bigint not null check (total > 0),
    applied     bigint not null check (applied >= 0),
    to_credit   bigint not null check (to_credit >= 0),
    refund_due  bigint not null check (refund_due >= 0),
    taxes       json not null,
    reason      text not null,
    metadata    json not null default '{}',
    seller      json not null,
    buyer       json not null,
    issued_at   timestamptz not null,
    created_at  timestamptz not null,
    primary key (account_id, id),
    foreign key (account_id, invoice_id) references invoice,
    check (total = subtotal + tax),
    check (total = applied + to_credit + refund_due),
    check ((number is null) = (seq is null) and (number is null) = (scope is null))
);
create unique index credit_note_number on credit_note (tenant_id, number) where number is not null;
create unique index credit_note_sequence on credit_note (tenant_id, scope, seq) where seq is not null;
create index credit_note_place on credit_note (tenant_id, place);
create index credit_note_invoice on credit_note (account_id, invoice_id);

-- invoice_line names the line that is credited; without one the note credits a sum.
create table credit_note_line (
    account_id     bigint not null,
    credit_note_id uuid not null,
    position       int not null check (position > 0),
    invoice_line   int,
    description    text not null,
    net            bigint not null,
    tax            bigint not null,
    primary key (account_id, credit_note_id, position),
    foreign key (account_id, credit_note_id) references credit_note
);

-- Money owed to a customer, used up by later invoices: immutable rows whose last says the balance.
create table customer_credit (
    account_id     bigint not null,
    seq            bigint not null check (seq > 0),
    currency       text not null,
    amount         bigint not null check (amount <> 0),
    balance        bigint not null check (balance >= 0),
    reason         text not null check (reason in
                       ('adjustment', 'carried', 'overpayment', 'credit_note', 'applied', 'restored')),
    note           text not null default '',
    invoice_id     uuid,
    credit_note_id uuid,
    actor          text not null,
    at             timestamptz not null,
    primary key (account_id, seq)
);
create index customer_credit_currency on customer_credit (account_id, currency, seq);
create trigger customer_credit_immutable before update or delete on customer_credit
    for each row execute function refuse_change();
create trigger customer_credit_not_truncated before truncate on customer_credit
    for each statement execute function refuse_change();
