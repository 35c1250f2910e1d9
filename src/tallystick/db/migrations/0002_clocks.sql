-- A clock of its own for each test tenant, and what is known of customers. Cannot run while serving: it replaces an index.

-- How far the tenant's time is ahead of the server's; only a test tenant's ever is. No days and months in it, so
-- that it means the same in every session.
alter table tenant
    add column clock_ahead interval not null default '0' check (clock_ahead >= '0'),
    add constraint tenant_live_clock check (mode = 'test' or clock_ahead = '0');
-- Few are ahead: who decides for many tenants at once finds them here without looking at the others.
create index tenant_ahead on tenant (id) where clock_ahead > '0';

-- What is due is due at the tenant's own time.
drop index account_head_due;
create index account_head_due on account_head (tenant_id, next_due_at) where next_due_at is not null;

-- blocked: nothing may be spent. inactive: a label of the product's.
alter table account_head
    drop constraint account_head_status_check,
    add constraint account_head_status_check check (status in ('active', 'inactive', 'blocked', 'closed'));
create index account_head_status on account_head (tenant_id, status, number) where status <> 'active';

-- The customer, as invoices name one.
alter table account
    add column first_name text not null default '',
    add column last_name  text not null default '',
    add column phone      text not null default '',
    add column kind       text not null default 'individual' check (kind in ('individual', 'business')),
    add column address    json not null default '{}',
    add column tax_id     text not null default '',
    add column tax_exempt boolean not null default false;
