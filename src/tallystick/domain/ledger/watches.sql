-- Watched wallets. The head of the account is locked, except where a query locks it.

-- name: wallet
select posted - held as available, coalesce(watches, '{}') as watches
from wallet
where account_id = %(account)s and credit_type = %(credit_type)s

-- name: watch
-- A wallet that is not there yet is made, empty.
insert into wallet (account_id, credit_type, watches, updated_at)
values (%(account)s, %(credit_type)s, %(watches)s::bigint[], %(at)s)
on conflict (account_id, credit_type) do update set watches = excluded.watches

-- name: unwatch
update wallet set watches = null where account_id = %(account)s and credit_type = %(credit_type)s

-- name: signal
insert into wallet_signal as s (account_id, credit_type, tenant_id, at, available, crossed)
values (%(account)s, %(credit_type)s, %(tenant)s, %(at)s, %(available)s, %(crossed)s::bigint[])
on conflict (account_id, credit_type) do update
set at = excluded.at, available = excluded.available,
    crossed = array(select distinct unnest(s.crossed || excluded.crossed))

-- name: lock_signalled
-- Locks the heads of accounts that have signals (of one tenant, or of all), the oldest first; those that are locked
-- are left for the next round.
select h.account_id, h.tenant_id
from account_head h
where h.account_id in (select s.account_id from wallet_signal s
                       where %(tenant)s::int is null or s.tenant_id = %(tenant)s
                       order by s.at, s.account_id
                       limit %(most)s)
order by h.account_id
for no key update of h skip locked

-- name: take_signals
delete from wallet_signal
where account_id = any(%(accounts)s::bigint[])
returning account_id as account, credit_type, at, available, crossed

-- name: signalled
select exists (select from wallet_signal where %(tenant)s::int is null or tenant_id = %(tenant)s)
