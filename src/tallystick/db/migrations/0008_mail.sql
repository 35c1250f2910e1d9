-- E-mail on its way out. Can run while serving.

-- ``key`` says what a message is for: the same is written once. ``sender`` empty: the gateway takes its own. Times are
-- the machine's.
create table mail (
    tenant_id  int not null references tenant,
    id         uuid not null,
    place      bigint generated always as identity,
    key        text collate "C" not null,
    kind       text collate "C" not null,
    account_id bigint,
    sender     text not null default '',
    recipient  text not null,
    subject    text not null,
    body       text not null,
    status     text not null default 'queued' check (status in ('queued', 'sent', 'failed')),
    attempts   int not null default 0,
    error      text,
    due_at     timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    sent_at    timestamptz,
    primary key (tenant_id, id),
    check ((due_at is not null) = (status = 'queued')),
    check ((sent_at is not null) = (status = 'sent'))
);
create unique index mail_key on mail (tenant_id, key);
create unique index mail_place on mail (tenant_id, place);
create index mail_account on mail (account_id, place) where account_id is not null;
create index mail_due on mail (due_at) where due_at is not null;
