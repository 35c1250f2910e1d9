-- Subscriptions, allowance periods and the use of limited features. Can run while serving.

-- What a customer is subscribed to. ``terms`` are the plan's of that version with the customer's overrides merged in.
create table subscription (
    account_id   bigint not null,
    id           uuid not null,
    tenant_id    int not null references tenant,
    plan_id      uuid not null,
    version      int not null,
    plan_name    text not null,
    terms        json not null,
    overrides    json not null default '{}',
    recurring    boolean not null,
    status       text not null check (status in
                     ('incomplete', 'trialing', 'active', 'past_due', 'paused', 'cancelled', 'ended')),
    billing      text not null check (billing in ('anniversary', 'calendar')),
    time_zone    text not null,
    -- periods are counted from here, in the zone
    anchor       timestamptz not null,
    started_at   timestamptz not null,
    -- its start is still to come: nothing was invoiced
    waiting      boolean not null default false,
    trial_end    timestamptz,
    period_start timestamptz not null,
    -- null: paid once, without an end
    period_end   timestamptz,
    -- from when on usage is not billed yet
    usage_since  timestamptz not null,
    cancel_at_period_end boolean not null default false,
    cancel_reason text,
    cancelled_at timestamptz,
    ended_at     timestamptz,
    -- the change that waits for the period's end: plan, version, terms, overrides
    scheduled    json,
    paused_at    timestamptz,
    resume_at    timestamptz,
    past_due_since timestamptz,
    grace_until  timestamptz,
    unpaid_until timestamptz,
    changes      int not null default 0,
    due_at       timestamptz,
    -- of a step that failed: how often, and not before when it is tried again (by the machine's clock)
    failures     int not null default 0,
    retry_at     timestamptz,
    metadata     json not null default '{}',
    created_at   timestamptz not null,
    updated_at   timestamptz not null,
    primary key (account_id, id),
    check ((period_end is null) = (not recurring)),
    check (period_end > period_start)
) with (fillfactor = 70);
create unique index subscription_one_recurring on subscription (account_id)
    where recurring and status not in ('cancelled', 'ended');
create index subscription_due on subscription (tenant_id, due_at, id) where due_at is not null;
create index subscription_tenant on subscription (tenant_id, id);
create index subscription_plan on subscription (tenant_id, plan_id, id);

-- What happened to a subscription, in order.
create table subscription_change (
    account_id   bigint not null,
    subscription uuid not null,
    seq          int not null,
    at           timestamptz not null,
    kind         text not null,
    by           text not null,
    details      json not null default '{}',
    recorded_at  timestamptz not null default clock_timestamp(),
    primary key (account_id, subscription, seq)
);

-- The spans an allowance was reset in. The one that runs is ``open``; its next are counted from its ``anchor``.
create table allowance_period (
    account_id   bigint not null,
    subscription uuid not null,
    credit_type  text collate "C" not null,
    period_start timestamptz not null,
    -- null: never reset
    period_end   timestamptz,
    anchor       timestamptz not null,
    reset        text not null check (reset in ('daily', 'weekly', 'monthly', 'never')),
    -- microcredits the terms give in it, and what was granted and rolled into it
    amount       bigint not null check (amount > 0),
    granted      bigint not null default 0,
    rolled       bigint not null default 0,
    open         boolean not null default true,
    primary key (account_id, subscription, credit_type, period_start)
);
create unique index allowance_period_open on allowance_period (account_id, subscription, credit_type) where open;

-- The ledger's grants that an allowance made. ``rolls``: how often its credits were rolled over.
create table allowance_lot (
    account_id   bigint not null,
    grant_id     bigint not null,
    subscription uuid not null,
    credit_type  text collate "C" not null,
    amount       bigint not null check (amount > 0),
    rolls        int not null default 0,
    expires_at   timestamptz,
    -- microcredits taken back: when it was not paid for (given again on payment), or at the end
    withdrawn    bigint not null default 0,
    -- rolled over, taken back for good or given again: nothing more comes of it
    closed       boolean not null default false,
    primary key (account_id, grant_id)
);
create index allowance_lot_open on allowance_lot (account_id, subscription) where not closed;

-- What was billed of metered usage, so that what comes late is billed as the difference.
create table usage_billed (
    account_id   bigint not null,
    subscription uuid not null,
    component    text collate "C" not null,
    window_start timestamptz not null,
    window_end   timestamptz not null,
    -- the component it was priced by, its minimum as far as the window reaches
    terms        json not null,
    quantity     numeric(38, 0) not null,
    primary key (account_id, subscription, component, window_start),
    check (window_end > window_start)
);

-- How much an account uses of a limited feature. ``scope``: what the limit is counted by, such as a project; '' for
-- the account as a whole.
create table feature_usage (
    account_id bigint not null,
    feature_id uuid not null,
    scope      text collate "C" not null default '',
    used       bigint not null check (used >= 0),
    primary key (account_id, feature_id, scope)
) with (fillfactor = 50);
