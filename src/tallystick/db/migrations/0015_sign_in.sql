-- Signing in with Google and by link, invitations, refresh tokens that do not rotate. Can run while serving.

-- Whom Google knows by this subject; an address may change, a subject never does.
alter table app_user add column google_sub text collate "C";
create unique index app_user_google on app_user (app_id, google_sub) where google_sub is not null;

-- Null: invited. Who is invited is nobody here until they sign in.
alter table membership add column joined_at timestamptz;
update membership set joined_at = created_at;
alter table membership alter column joined_at set default now();
alter table membership add constraint membership_home_joined check (not home or joined_at is not null);
create index membership_invited on membership (tenant_id, user_id) where joined_at is null;

-- Whether a refresh replaces the token. One of the contracts' kind stays good for its day.
alter table refresh_family add column rotates boolean not null default true;

-- A link that was mailed: whoever has it may choose the user's password, once. Only its hash is kept.
-- What was asked for an address that nobody has is a row like any other, and leads nowhere.
create table password_link (
    hash       bytea primary key,
    tenant_id  int not null references tenant,
    user_id    uuid references app_user,
    account_id bigint references account,
    email      text not null,
    cause      text not null check (cause in ('reset', 'invitation')),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at    timestamptz,
    check ((account_id is not null) = (cause = 'invitation'))
);
create index password_link_user on password_link (user_id) where used_at is null;
create index password_link_address on password_link (tenant_id, email, created_at) where cause = 'reset';
create index password_link_expiry on password_link (expires_at);
