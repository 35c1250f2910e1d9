-- The checks of `tallystick verify`. Each looks at the accounts in (low, high] and gives a row for each fault:
-- account_id, the row that lies, what it should say, what it says.

-- name: chunk
-- The account that ends the next chunk, or null when there are no more than asked for.
select account_id from account_head
where account_id > %(low)s and account_id <= %(high)s
order by account_id
offset %(most)s limit 1;

-- name: uuid
select uuid from account_head where account_id = %(account)s;

-- name: counts
select (select count(*) from account_head where account_id > %(low)s and account_id <= %(high)s),
       (select count(*) from wallet where account_id > %(low)s and account_id <= %(high)s),
       (select count(*) from entry where account_id > %(low)s and account_id <= %(high)s),
       (select count(*) from credit_grant where account_id > %(low)s and account_id <= %(high)s),
       (select count(*) from hold where account_id > %(low)s and account_id <= %(high)s);

-- name: contra_totals
-- The other side of the books: what each contra account gave and took, by tenant and credit type.
select h.tenant_id, e.contra, e.credit_type, -sum(e.amount)::numeric as total
from entry e join account_head h using (account_id)
where e.account_id > %(low)s and e.account_id <= %(high)s
group by 1, 2, 3;

-- name: posted_totals
select h.tenant_id, w.credit_type, sum(w.posted)::numeric as total
from wallet w join account_head h using (account_id)
where w.account_id > %(low)s and w.account_id <= %(high)s
group by 1, 2;

-- name: check_head
-- I2: the head counts its entries and holds, and stands for an account that is there.
select coalesce(h.account_id, n.account_id), 'account_head',
       format('seq %%s, hold_seq %%s', coalesce(n.entries, 0), coalesce(n.holds, 0)),
       case when h.account_id is null then 'no head' else format('seq %%s, hold_seq %%s', h.seq, h.hold_seq) end
from (select * from account_head where account_id > %(low)s and account_id <= %(high)s) h
full join (
    select account_id, sum(entries) as entries, sum(holds) as holds from (
        select account_id, count(*) as entries, 0 as holds from entry
        where account_id > %(low)s and account_id <= %(high)s group by 1
        union all
        select account_id, 0, count(*) from hold
        where account_id > %(low)s and account_id <= %(high)s group by 1) c
    group by 1) n on n.account_id = h.account_id
where h.account_id is null or h.seq <> coalesce(n.entries, 0) or h.hold_seq <> coalesce(n.holds, 0);

-- name: check_account
-- The head says of the account what the account says of itself.
select h.account_id, 'account_head', format('tenant %%s, %%s, %%s', a.tenant_id, a.uuid, a.external_id),
       format('tenant %%s, %%s, %%s', h.tenant_id, h.uuid, h.external_id)
from account_head h
left join account a using (account_id)
where h.account_id > %(low)s and h.account_id <= %(high)s
  and (h.tenant_id, h.uuid, h.number, h.external_id) is distinct from
      (a.tenant_id, a.uuid, a.number, a.external_id);

-- name: check_moment
-- An account's last moment is not before its last entry: its time never runs backwards.
select h.account_id, 'account_head', format('last_at not before %%s', e.effective_at), format('last_at %%s', h.last_at)
from account_head h
join entry e on e.account_id = h.account_id and e.seq = h.seq
where h.account_id > %(low)s and h.account_id <= %(high)s and h.last_at < e.effective_at;

-- name: check_sequence
-- I2: numbered without gaps, and time never runs backwards.
select account_id, format('entry %%s', seq), format('seq %%s, not before %%s', place, before),
       format('seq %%s at %%s', seq, effective_at)
from (select account_id, seq, effective_at,
             row_number() over w as place, lag(effective_at) over w as before
      from entry where account_id > %(low)s and account_id <= %(high)s
      window w as (partition by account_id order by seq)) e
where seq <> place or effective_at < before;

-- name: check_chain
-- I1: each entry says the balance that the entries up to it make.
select account_id, format('entry %%s', seq), format('posted_after %%s', running), format('posted_after %%s', posted_after)
from (select account_id, seq, posted_after,
             coalesce(lag(posted_after) over w, 0) + amount as running
      from entry where account_id > %(low)s and account_id <= %(high)s
      window w as (partition by account_id, credit_type order by seq)) e
where posted_after <> running;

-- name: check_entry
-- I1, I7: an entry's splits make its amount, and its sign and its contra account fit its kind.
select account_id, format('entry %%s', seq), format('amount %%s', split), format('amount %%s, %%s, %%s', amount, kind, contra)
from (select e.account_id, e.seq, e.amount, e.kind, e.contra, e.operation, e.held_after,
             e.available_after - e.posted_after + e.held_after as overdraft,
             (select sum((s ->> 1)::bigint) from jsonb_array_elements(e.splits) s) as split
      from entry e where e.account_id > %(low)s and e.account_id <= %(high)s) e
where split is distinct from amount
   or not case kind
              when 'grant' then contra in ('plan', 'purchase', 'promo', 'adjustment', 'refund')
              when 'debit' then contra = coalesce('usage:' || operation, 'usage')
              when 'capture' then contra = 'usage'
              when 'expire' then contra = 'expired'
              when 'adjust' then contra = 'adjustment'
              when 'reverse' then contra <> ''
              else contra = kind end
   or held_after < 0 or overdraft < 0
   or (kind in ('debit', 'capture', 'expire', 'refund') and amount > 0)
   or (kind = 'grant' and amount < 0);

-- name: check_balance
-- I1, I3: a wallet's posted is the fold of its entries and what its grants have left less what is owed.
select coalesce(w.account_id, n.account_id), format('wallet %%s', coalesce(w.credit_type, n.credit_type)),
       format('posted %%s (grants %%s - owed %%s)', coalesce(n.total, 0), coalesce(g.remaining, 0), w.owed),
       coalesce(format('posted %%s, held %%s, overdraft %%s', w.posted, w.held, w.overdraft), 'no wallet')
from (select * from wallet where account_id > %(low)s and account_id <= %(high)s) w
full join (select account_id, credit_type, sum(amount) as total from entry
           where account_id > %(low)s and account_id <= %(high)s group by 1, 2) n
    on n.account_id = w.account_id and n.credit_type = w.credit_type
left join (select account_id, credit_type, sum(remaining) as remaining from credit_grant
           where account_id > %(low)s and account_id <= %(high)s group by 1, 2) g
    on g.account_id = w.account_id and g.credit_type = w.credit_type
where w.account_id is null
   or w.posted <> coalesce(n.total, 0)
   or w.posted <> coalesce(g.remaining, 0) - w.owed
   or w.posted - w.held < -w.overdraft
   or w.held < 0 or w.owed < 0;

-- name: check_grant
-- I6: a grant has left what the splits of all entries leave it, is pinned by what active holds pin, and is closed
-- when nothing is left. It is of the entry that made it.
select coalesce(g.account_id, f.account_id), format('grant %%s', coalesce(g.id, f.id)),
       format('remaining %%s, held %%s, made by entry %%s', coalesce(f.left_over, 0), coalesce(p.pinned, 0),
              coalesce(g.id, f.id)),
       coalesce(format('remaining %%s, held %%s, amount %%s%%s', g.remaining, g.held, g.amount,
                       case when g.closed then ', closed' else '' end), 'no grant')
from (select * from credit_grant where account_id > %(low)s and account_id <= %(high)s) g
full join (select e.account_id, (s ->> 0)::bigint as id, sum((s ->> 1)::bigint) as left_over
           from entry e cross join lateral jsonb_array_elements(e.splits) s
           where e.account_id > %(low)s and e.account_id <= %(high)s and (s ->> 0)::bigint <> 0
           group by 1, 2) f on f.account_id = g.account_id and f.id = g.id
left join (select h.account_id, (s ->> 0)::bigint as id, sum((s ->> 1)::bigint) as pinned
           from hold h cross join lateral jsonb_array_elements(h.splits) s
           where h.account_id > %(low)s and h.account_id <= %(high)s and h.state = 'active'
           group by 1, 2) p on p.account_id = g.account_id and p.id = g.id
left join entry m on m.account_id = g.account_id and m.seq = g.id
where g.account_id is null
   or g.remaining <> coalesce(f.left_over, 0)
   or g.held <> coalesce(p.pinned, 0)
   or g.closed <> (g.remaining = 0)
   or not (0 <= g.held and g.held <= g.remaining and g.remaining <= g.amount)
   or m.seq is null or m.credit_type <> g.credit_type or g.amount > abs(m.amount)
   or (m.kind in ('grant', 'adjust', 'transfer') and g.amount <> m.amount);

-- name: check_owed
-- What is owed is what the entries spent beyond the grants and have not repaid.
select w.account_id, format('wallet %%s', w.credit_type), format('owed %%s', coalesce(f.owed, 0)), format('owed %%s', w.owed)
from wallet w
left join (select e.account_id, e.credit_type, -sum((s ->> 1)::bigint) as owed
           from entry e cross join lateral jsonb_array_elements(e.splits) s
           where e.account_id > %(low)s and e.account_id <= %(high)s and (s ->> 0)::bigint = 0
           group by 1, 2) f on f.account_id = w.account_id and f.credit_type = w.credit_type
where w.account_id > %(low)s and w.account_id <= %(high)s and w.owed <> coalesce(f.owed, 0);

-- name: check_held
-- I4: held is what the active holds have left.
select w.account_id, format('wallet %%s', w.credit_type), format('held %%s', coalesce(n.held, 0)), format('held %%s', w.held)
from wallet w
left join (select account_id, credit_type, sum(amount - captured - released) as held from hold
           where account_id > %(low)s and account_id <= %(high)s and state = 'active' group by 1, 2) n
    on n.account_id = w.account_id and n.credit_type = w.credit_type
where w.account_id > %(low)s and w.account_id <= %(high)s and w.held <> coalesce(n.held, 0);

-- name: check_hold
-- I5: a hold has captured what its entries say, pins what it has left, and has ended when nothing is left.
select h.account_id, format('hold %%s', h.id),
       format('captured %%s, %%s pinned', coalesce(c.captured, 0), h.amount - h.captured - h.released),
       format('amount %%s, captured %%s, released %%s, %%s, %%s pinned', h.amount, h.captured, h.released, h.state,
              coalesce(p.pinned, 0))
from hold h
left join (select account_id, hold, -sum(amount) as captured from entry
           where account_id > %(low)s and account_id <= %(high)s and kind = 'capture' group by 1, 2) c
    on c.account_id = h.account_id and c.hold = h.id
left join lateral (select sum((s ->> 1)::bigint) as pinned from jsonb_array_elements(h.splits) s) p on true
where h.account_id > %(low)s and h.account_id <= %(high)s
  and (h.captured <> coalesce(c.captured, 0)
       or h.captured + h.released > h.amount
       or coalesce(p.pinned, 0) <> h.amount - h.captured - h.released
       or (h.state = 'active') <> (h.captured + h.released < h.amount));

-- name: check_transfer
-- I7: what left one account arrived in the other.
select e.account_id, format('entry %%s', e.seq), format('%%s arrived', -e.amount), format('%%s arrived', coalesce(t.arrived, 0))
from entry e
left join lateral (
    -- one look-up an entry, whatever the planner thinks of the account's size
    select sum((select r.amount from entry r
                where r.account_id = (e.detail ->> 'to_account')::bigint and r.seq = n.seq::bigint
                  and r.kind = 'transfer' and r.credit_type = e.credit_type)) as arrived
    from json_array_elements_text(e.detail -> 'to_entries') n (seq)) t on true
where e.account_id > %(low)s and e.account_id <= %(high)s and e.kind = 'transfer' and e.amount < 0
  and t.arrived is distinct from -e.amount;

-- name: check_arrival
-- I7: what arrived left the account that it names.
select e.account_id, format('entry %%s', e.seq), 'named by the transfer that sent it', format('from entry %%s', e.detail ->> 'from_entry')
from entry e
where e.account_id > %(low)s and e.account_id <= %(high)s and e.kind = 'transfer' and e.amount > 0
  and not coalesce((
    select s.kind = 'transfer' and s.amount < 0
       and (s.detail ->> 'to_account')::bigint = e.account_id
       and (select h.uuid from account_head h where h.account_id = s.account_id) = (e.detail ->> 'from')::uuid
       and e.seq::text in (select json_array_elements_text(s.detail -> 'to_entries'))
    from entry s
    where s.account_id = ('x' || right(replace(e.detail ->> 'from', '-', ''), 12))::bit(48)::bigint
      and s.seq = (e.detail ->> 'from_entry')::bigint), false);

-- name: check_reversal
-- Never more is undone than was done, and a reversal stands against the same contra account.
select e.account_id, format('entry %%s', e.seq), format('at most %%s of %%s undone', abs(o.amount), o.contra),
       format('%%s of %%s undone', e.total, e.contra)
from (select account_id, reverses, max(seq) as seq, sum(amount) as total,
             min(contra) filter (where kind = 'reverse') as contra from entry
      where account_id > %(low)s and account_id <= %(high)s and reverses is not null group by 1, 2) e
left join entry o on o.account_id = e.account_id and o.seq = e.reverses
where o.seq is null or abs(e.total) > abs(o.amount) or sign(e.total) = sign(o.amount) or e.contra <> o.contra;

-- name: check_key
-- I8: a key led to one effect.
select account_id, format('key %%s', op_key), 'one effect', string_agg(place, ', ' order by place)
from (select account_id, op_key, format('entry %%s', seq) as place from entry
      where account_id > %(low)s and account_id <= %(high)s and op_key is not null
      union all
      select account_id, op_key, format('hold %%s', id) from hold
      where account_id > %(low)s and account_id <= %(high)s and op_key is not null
      union all
      select account_id, op_key, 'outcome ' || kind from outcome
      where account_id > %(low)s and account_id <= %(high)s) k
group by 1, 2
having count(*) > 1;

-- name: check_due
-- Nothing falls due before the head says so: decisions end it in time.
select h.account_id, 'account_head', format('next_due_at not after %%s', d.due), format('next_due_at %%s', h.next_due_at)
from account_head h
join (select account_id, min(due) as due from (
          select account_id, expires_at as due from hold
          where account_id > %(low)s and account_id <= %(high)s and state = 'active'
          union all
          select account_id, expires_at from credit_grant
          where account_id > %(low)s and account_id <= %(high)s and not closed and remaining > held
            and expires_at is not null) n
      group by 1) d on d.account_id = h.account_id
where h.next_due_at is null or h.next_due_at > d.due;
