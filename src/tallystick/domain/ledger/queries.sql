-- Every statement the ledger runs. Those of the lanes take whole batches as arrays, one for a column, and reach
-- their rows by primary key or by an index that starts with the account.

-- name: lock_heads
-- Locks the accounts in one order, so that two who lock several never deadlock.
select account_id, tenant_id, number, uuid, external_id, status, seq, hold_seq, last_at, next_due_at
from account_head
where account_id = any(%(accounts)s)
order by account_id
for no key update;

-- name: lock_free_heads
-- The same, leaving out those that somebody else has locked.
select account_id, tenant_id, number, uuid, external_id, status, seq, hold_seq, last_at, next_due_at
from account_head
where account_id = any(%(accounts)s)
order by account_id
for no key update skip locked;

-- name: which_exist
-- Which of the accounts that could not be locked are there at all.
select account_id from account_head where account_id = any(%(accounts)s);

-- name: lock_due_heads
-- For the sweeper: accounts with something due by their tenant's time (of one tenant, or of all), those that are
-- locked left for the next round. (The clock is read once: asked anew for each row it could not bound the index,
-- and every round would walk the whole of it.) A tenant whose clock somebody is moving is left to them: they have
-- things done in order.
select h.*
from tenant t
cross join lateral (
    select account_id, tenant_id, number, uuid, external_id, status, seq, hold_seq, last_at, next_due_at
    from account_head
    where tenant_id = t.id and next_due_at <= (select clock_timestamp()) + t.clock_ahead
    order by next_due_at
    limit %(most)s
    for no key update skip locked
) h
where case when %(tenant)s::int is not null then t.id = %(tenant)s
           else t.id <> all (array(select objid::int from pg_locks
                                   where locktype = 'advisory' and classid = 1668049003 and objsubid = 2
                                     and database = (select oid from pg_database
                                                     where datname = current_database())))
      end
limit %(most)s;

-- name: due_heads
-- Whether anything of a tenant's is due, locked or not: who must see all of it ended looks again.
select exists (
    select from account_head
    where tenant_id = %(tenant)s
      and next_due_at <= (select clock_timestamp() + clock_ahead from tenant where id = %(tenant)s)
);

-- name: clock
-- The present moment, and the tenants whose own is later: a probe of an index that holds only those.
select c.now, t.id, c.now + t.clock_ahead
from (select clock_timestamp() as now) c
left join tenant t on t.clock_ahead > '0';

-- name: wallets
select account_id, credit_type, posted, held, owed, overdraft, updated_at, watches
from wallet
where account_id = any(%(accounts)s);

-- name: balances
select clock_timestamp() + t.clock_ahead, h.account_id, h.tenant_id, h.number, h.uuid, h.external_id, h.status, h.seq, h.hold_seq,
       h.last_at, h.next_due_at,
       w.credit_type, w.posted, w.held, w.owed, w.overdraft, w.updated_at, w.watches
from account_head h
join tenant t on t.id = h.tenant_id
left join wallet w on w.account_id = h.account_id
where h.account_id = any(%(accounts)s);

-- name: open_grants
select account_id, id, credit_type, source, amount, remaining, held, priority, expires_at, closed,
       paid_minor, currency, created_at
from credit_grant
where account_id = any(%(accounts)s) and not closed;

-- name: named_grants
select g.account_id, g.id, g.credit_type, g.source, g.amount, g.remaining, g.held, g.priority, g.expires_at,
       g.closed, g.paid_minor, g.currency, g.created_at
from unnest(%(accounts)s, %(ids)s) as n (account_id, id)
join credit_grant g on g.account_id = n.account_id and g.id = n.id;

-- name: named_holds
select h.account_id, h.id, h.credit_type, h.amount, h.captured, h.released, h.reported, h.state, h.expires_at,
       h.on_expiry, h.splits, h.reference, h.description, h.metadata, h.opened, h.op_key, h.request_hash,
       h.actor, h.created_at, h.ended_at
from unnest(%(accounts)s, %(ids)s) as n (account_id, id)
join hold h on h.account_id = n.account_id and h.id = n.id;

-- name: active_holds
select account_id, id, credit_type, amount, captured, released, reported, state, expires_at, on_expiry, splits,
       reference, description, metadata, opened, op_key, request_hash, actor, created_at, ended_at
from hold
where account_id = any(%(accounts)s) and state = 'active';

-- name: named_entries
select e.account_id, e.seq, e.credit_type, e.kind, e.amount, e.posted_after, e.held_after, e.available_after,
       e.contra, e.splits, e.actor, e.effective_at, e.operation, e.quantity, e.rate_version, e.reference,
       e.description, e.metadata, e.hold, e.reverses, e.detail, e.op_key, e.request_hash
from unnest(%(accounts)s, %(ids)s) as n (account_id, seq)
join entry e on e.account_id = n.account_id and e.seq = n.seq;

-- name: undone
-- How much of each entry was reversed already.
select n.account_id, n.seq, (select sum(abs(e.amount))::bigint from entry e
                             where e.account_id = n.account_id and e.reverses = n.seq)
from unnest(%(accounts)s, %(ids)s) as n (account_id, seq);

-- name: standing
-- What was not reversed of spendings.
select e.seq, e.credit_type,
       (abs(e.amount) - coalesce((select sum(abs(r.amount)) from entry r
                                  where r.account_id = e.account_id and r.reverses = e.seq), 0))::bigint as amount
from entry e
where e.account_id = %(account)s and e.seq = any(%(seqs)s::bigint[])
order by e.seq;

-- name: entries_by_key
select e.account_id, e.seq, e.credit_type, e.kind, e.amount, e.posted_after, e.held_after, e.available_after,
       e.contra, e.splits, e.actor, e.effective_at, e.operation, e.quantity, e.rate_version, e.reference,
       e.description, e.metadata, e.hold, e.reverses, e.detail, e.op_key, e.request_hash
from unnest(%(accounts)s, %(keys)s) as n (account_id, op_key)
join entry e on e.account_id = n.account_id and e.op_key = n.op_key;

-- name: holds_by_key
select h.account_id, h.op_key, h.request_hash, h.opened
from unnest(%(accounts)s, %(keys)s) as n (account_id, op_key)
join hold h on h.account_id = n.account_id and h.op_key = n.op_key;

-- name: outcomes_by_key
select o.account_id, o.op_key, o.request_hash, o.kind, o.declined, o.answer
from unnest(%(accounts)s, %(keys)s) as n (account_id, op_key)
join outcome o on o.account_id = n.account_id and o.op_key = n.op_key;

-- name: update_heads
update account_head h
set seq = n.seq, hold_seq = n.hold_seq, last_at = n.last_at, next_due_at = n.next_due_at
from unnest(%(account)s, %(seq)s, %(hold_seq)s, %(last_at)s, %(next_due_at)s)
    as n (account_id, seq, hold_seq, last_at, next_due_at)
where h.account_id = n.account_id;

-- name: insert_wallets
insert into wallet (account_id, credit_type, posted, held, owed, overdraft, updated_at)
select * from unnest(%(account)s, %(credit_type)s, %(posted)s, %(held)s, %(owed)s, %(overdraft)s, %(updated_at)s);

-- name: update_wallets
update wallet w
set posted = n.posted, held = n.held, owed = n.owed, overdraft = n.overdraft, updated_at = n.updated_at
from unnest(%(account)s, %(credit_type)s, %(posted)s, %(held)s, %(owed)s, %(overdraft)s, %(updated_at)s)
    as n (account_id, credit_type, posted, held, owed, overdraft, updated_at)
where w.account_id = n.account_id and w.credit_type = n.credit_type;

-- name: write_signals
-- Nobody has looked at what stands there already: it is told together with this.
insert into wallet_signal as s (account_id, credit_type, tenant_id, at, available, crossed)
select account_id, credit_type, tenant_id, at, available, array_agg(threshold)
from unnest(%(account)s, %(credit_type)s, %(tenant)s, %(at)s, %(available)s, %(threshold)s)
    as n (account_id, credit_type, tenant_id, at, available, threshold)
group by account_id, credit_type, tenant_id, at, available
on conflict (account_id, credit_type) do update
set at = excluded.at, available = excluded.available,
    crossed = array(select distinct unnest(s.crossed || excluded.crossed));

-- name: insert_grants
insert into credit_grant (account_id, id, credit_type, source, amount, remaining, held, priority, expires_at,
                          closed, paid_minor, currency, created_at)
select * from unnest(%(account)s, %(id)s, %(credit_type)s, %(source)s, %(amount)s, %(remaining)s, %(held)s,
                     %(priority)s, %(expires_at)s, %(closed)s, %(paid_minor)s, %(currency)s, %(created_at)s);

-- name: update_grants
update credit_grant g
set remaining = n.remaining, held = n.held, closed = n.closed
from unnest(%(account)s, %(id)s, %(remaining)s, %(held)s, %(closed)s)
    as n (account_id, id, remaining, held, closed)
where g.account_id = n.account_id and g.id = n.id;

-- name: insert_holds
insert into hold (account_id, id, credit_type, amount, captured, released, reported, state, expires_at, on_expiry,
                  splits, reference, description, metadata, opened, op_key, request_hash, actor, created_at,
                  ended_at)
select account_id, id, credit_type, amount, captured, released, reported, state, expires_at, on_expiry,
       splits::jsonb, reference, description, metadata::json, opened::json, op_key, request_hash, actor,
       created_at, ended_at
from unnest(%(account)s, %(id)s, %(credit_type)s, %(amount)s, %(captured)s, %(released)s, %(reported)s, %(state)s,
            %(expires_at)s, %(on_expiry)s, %(splits)s, %(reference)s, %(description)s, %(metadata)s, %(opened)s,
            %(op_key)s, %(request_hash)s, %(actor)s, %(created_at)s, %(ended_at)s)
    as n (account_id, id, credit_type, amount, captured, released, reported, state, expires_at, on_expiry, splits,
          reference, description, metadata, opened, op_key, request_hash, actor, created_at, ended_at);

-- name: update_holds
update hold h
set amount = n.amount, captured = n.captured, released = n.released, reported = n.reported, state = n.state,
    expires_at = n.expires_at, splits = n.splits::jsonb, ended_at = n.ended_at
from unnest(%(account)s, %(id)s, %(amount)s, %(captured)s, %(released)s, %(reported)s, %(state)s, %(expires_at)s,
            %(splits)s, %(ended_at)s)
    as n (account_id, id, amount, captured, released, reported, state, expires_at, splits, ended_at)
where h.account_id = n.account_id and h.id = n.id;

-- name: insert_entries
insert into entry (account_id, seq, credit_type, kind, amount, posted_after, held_after, available_after, contra,
                   splits, actor, effective_at, operation, quantity, rate_version, reference, description,
                   metadata, hold, reverses, detail, op_key, request_hash)
select account_id, seq, credit_type, kind, amount, posted_after, held_after, available_after, contra,
       splits::jsonb, actor, effective_at, operation, quantity, rate_version, reference, description,
       metadata::json, hold, reverses, detail::json, op_key, request_hash
from unnest(%(account)s, %(seq)s, %(credit_type)s, %(kind)s, %(amount)s, %(posted_after)s, %(held_after)s,
            %(available_after)s, %(contra)s, %(splits)s, %(actor)s, %(effective_at)s, %(operation)s, %(quantity)s,
            %(rate_version)s, %(reference)s, %(description)s, %(metadata)s, %(hold)s, %(reverses)s, %(detail)s,
            %(op_key)s, %(request_hash)s)
    as n (account_id, seq, credit_type, kind, amount, posted_after, held_after, available_after, contra, splits,
          actor, effective_at, operation, quantity, rate_version, reference, description, metadata, hold,
          reverses, detail, op_key, request_hash);

-- name: insert_outcomes
insert into outcome (account_id, op_key, request_hash, kind, declined, answer, expires_at)
select account_id, op_key, request_hash, kind, declined, answer::json,
       clock_timestamp() + make_interval(days => keep)
from unnest(%(account)s, %(op_key)s, %(request_hash)s, %(kind)s, %(declined)s, %(answer)s, %(keep)s)
    as n (account_id, op_key, request_hash, kind, declined, answer, keep);

-- name: purge_outcomes
delete from outcome
where (account_id, op_key) in (
    select account_id, op_key from outcome
    where expires_at <= (select clock_timestamp()) order by expires_at limit 10000);

-- name: head
select account_id as account, tenant_id as tenant, number, uuid, external_id, status, seq, hold_seq, last_at,
       next_due_at
from account_head
where account_id = %(account)s and tenant_id = %(tenant)s;

-- name: seq_from
-- The first entry of the account that took effect at or after a moment: time never runs backwards within an
-- account, so its sequence is searched by halves and no index on time is needed.
with recursive bisect (low, high) as (
    select 1::bigint, (select seq + 1 from account_head where account_id = %(account)s)
    union all
    select case when e.effective_at < %(moment)s then mid + 1 else low end,
           case when e.effective_at < %(moment)s then high else mid end
    from bisect, lateral (select (low + high) / 2 as mid) m
    join entry e on e.account_id = %(account)s and e.seq = m.mid
    where low < high
)
select low from bisect where low >= high;

-- name: entries
select account_id as account, seq, credit_type, kind, amount, posted_after, held_after, available_after, contra,
       splits, actor, effective_at, operation, quantity, rate_version, reference, description, metadata, hold,
       reverses, detail, op_key, request_hash
from entry
where account_id = %(account)s
  and seq < %(before)s and seq >= %(low)s
  and (%(kind)s::text is null or kind = %(kind)s)
  and (%(credit_type)s::text is null or credit_type = %(credit_type)s)
order by seq desc
limit %(limit)s;

-- name: grants
select id, credit_type, source, amount, remaining, held, priority, expires_at, closed, paid_minor, currency,
       created_at
from credit_grant
where account_id = %(account)s
  and id < %(before)s
  and (%(source)s::text is null or source = %(source)s)
  and (%(credit_type)s::text is null or credit_type = %(credit_type)s)
  and (%(from)s::timestamptz is null or created_at >= %(from)s)
  and (%(to)s::timestamptz is null or created_at < %(to)s)
order by id desc
limit %(limit)s;

-- name: grants_at
-- Grants of a wallet that were made before an entry, had not expired, and were not touched by it, in burn order.
select id, credit_type, source, amount, remaining, held, priority, expires_at, closed, paid_minor, currency,
       created_at
from credit_grant
where account_id = %(account)s and credit_type = %(credit_type)s and id < %(seq)s
  and (expires_at is null or expires_at > %(at)s)
  and not (id = any(%(burned)s))
  and not closed
order by priority, expires_at nulls last, id
limit 20;

-- name: holds
-- A hold that is due has expired, swept or not.
select id, credit_type, amount, captured, released, reported, state, expires_at, on_expiry, splits, reference,
       description, metadata, opened, op_key, request_hash, actor, created_at, ended_at
from hold
where account_id = %(account)s
  and id < %(before)s
  and (%(state)s::text is null
       or %(state)s = case when state = 'active' and expires_at <= %(now)s then 'expired' else state end)
  and (%(credit_type)s::text is null or credit_type = %(credit_type)s)
  and (%(from)s::timestamptz is null or created_at >= %(from)s)
  and (%(to)s::timestamptz is null or created_at < %(to)s)
order by id desc
limit %(limit)s;

-- name: entries_of_hold
select account_id as account, seq, credit_type, kind, amount, posted_after, held_after, available_after, contra,
       splits, actor, effective_at, operation, quantity, rate_version, reference, description, metadata, hold,
       reverses, detail, op_key, request_hash
from entry
where account_id = %(account)s and hold = %(hold)s
order by seq
limit 1000;

-- name: reversals
select account_id as account, seq, credit_type, kind, amount, posted_after, held_after, available_after, contra,
       splits, actor, effective_at, operation, quantity, rate_version, reference, description, metadata, hold,
       reverses, detail, op_key, request_hash
from entry
where account_id = %(account)s and reverses = %(seq)s
order by seq
limit 1000;

-- name: usage_total
-- Credits spent in a span of entries, less what was reversed of spending, and how many entries.
select coalesce(-sum(amount), 0)
from entry
where account_id = %(account)s and credit_type = %(credit_type)s
  and seq >= %(low)s and seq < %(high)s
  and contra like 'usage%%';

-- name: history
-- A page by offset, for contracts that have one.
select account_id as account, seq, credit_type, kind, amount, posted_after, held_after, available_after, contra,
       splits, actor, effective_at, operation, quantity, rate_version, reference, description, metadata, hold,
       reverses, detail, op_key, request_hash
from entry
where account_id = %(account)s and credit_type = %(credit_type)s
  and seq >= %(low)s and seq < %(high)s
  and (%(kinds)s::text[] is null or kind = any(%(kinds)s))
order by seq desc
limit %(limit)s offset %(offset)s;

-- name: history_total
select count(*)
from entry
where account_id = %(account)s and credit_type = %(credit_type)s
  and seq >= %(low)s and seq < %(high)s
  and (%(kinds)s::text[] is null or kind = any(%(kinds)s));

-- name: lapsed
-- What of some grants expired in a span of entries.
select (part.value->>0)::bigint as id, -sum((part.value->>1)::bigint) as amount
from entry e
cross join lateral jsonb_array_elements(e.splits) as part (value)
where e.account_id = %(account)s and e.seq >= %(low)s and e.seq < %(high)s and e.kind = 'expire'
  and (part.value->>0)::bigint = any(%(ids)s::bigint[])
group by 1;

-- name: whole_used
-- Whole credits used, less what was given back of usage. A row is the difference of two balances rounded down
-- (bigints: a division would round towards 0).
select coalesce(-sum((amount - mod(mod(posted_after, 1000000) + 1000000, 1000000)
                      + mod(mod(posted_after - amount, 1000000) + 1000000, 1000000)) / 1000000), 0)
from entry
where account_id = %(account)s and credit_type = %(credit_type)s
  and seq >= %(low)s and seq < %(high)s
  and contra like 'usage%%'
  and (%(since)s::timestamptz is null or effective_at >= %(since)s);

-- name: whole_sums
-- Whole credits by the span of time that an entry is in, and by what it is.
select width_bucket(effective_at, %(starts)s::timestamptz[]) as span, kind,
       case when kind = 'grant' then contra end as contra,
       sum((amount - mod(mod(posted_after, 1000000) + 1000000, 1000000)
            + mod(mod(posted_after - amount, 1000000) + 1000000, 1000000)) / 1000000) as total,
       count(*) as count
from entry
where account_id = %(account)s and credit_type = %(credit_type)s
  and seq >= %(low)s and seq < %(high)s
group by 1, 2, 3;
