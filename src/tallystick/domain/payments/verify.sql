-- The checks of payments that `tallystick verify` runs. Each looks at the accounts in (low, high] and gives a row for
-- each fault: account_id, the row that lies, what it should say, what it says. Amounts are minor units, credits
-- microcredits.

-- name: check_payment_split
-- Money that came paid an invoice, became credit or goes back; of what did not come nothing did.
select account_id, format('payment %%s', id),
       format('applied + to_credit + to_refund = %%s', case when status = 'succeeded' then amount else 0 end),
       format('%%s + %%s + %%s', applied, to_credit, to_refund)
from payment
where account_id > %(low)s and account_id <= %(high)s
  and applied + to_credit + to_refund <> case when status = 'succeeded' then amount else 0 end;

-- name: check_payment_applied
-- What paid an invoice stands among what came in for it, and what became the customer's credit there or among the
-- changes of that, under the payment's id (a TypeID: 26 times five bits).
select p.account_id, format('payment %%s', p.id),
       format('applied %%s, to_credit %%s', coalesce(i.applied, 0), coalesce(i.over, 0) + coalesce(c.amount, 0)),
       format('applied %%s, to_credit %%s', p.applied, p.to_credit)
from (select *, 'pay_' || (select string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz',
                                                    1 + substring(bits.of from 1 + 5 * n for 5)::int, 1), '' order by n)
                           from generate_series(0, 25) n) as name
      from payment
      cross join lateral (select b'00' || ('x' || replace(id::text, '-', ''))::bit(128) as of) bits
      where account_id > %(low)s and account_id <= %(high)s and status = 'succeeded') p
left join (select account_id, invoice_id, reference, sum(applied) as applied, sum(amount - applied) as over
           from invoice_payment
           where account_id > %(low)s and account_id <= %(high)s and reference like 'pay\_%%'
           group by 1, 2, 3) i on i.account_id = p.account_id and i.invoice_id = p.invoice_id and i.reference = p.name
left join (select account_id, note, sum(amount) as amount
           from customer_credit
           where account_id > %(low)s and account_id <= %(high)s and reason = 'adjustment' and note like 'Payment pay\_%%'
           group by 1, 2) c on c.account_id = p.account_id and c.note = 'Payment ' || p.name
where (p.applied, p.to_credit) is distinct from
      (coalesce(i.applied, 0), coalesce(i.over, 0) + coalesce(c.amount, 0));

-- name: check_payment_refunded
-- What counts as gone back is what refunds send or sent.
select p.account_id, format('payment %%s', p.id), format('refunded %%s of at most %%s', coalesce(r.amount, 0), p.amount),
       format('refunded %%s', p.refunded)
from payment p
left join (select account_id, payment_id, sum(amount) as amount from refund
           where account_id > %(low)s and account_id <= %(high)s and status <> 'failed'
           group by 1, 2) r on r.account_id = p.account_id and r.payment_id = p.id
where p.account_id > %(low)s and p.account_id <= %(high)s
  and (p.refunded <> coalesce(r.amount, 0) or p.refunded > p.amount);

-- name: check_payment_surplus
-- What nothing needed has its refund, once.
select p.account_id, format('payment %%s', p.id), format('refunds of %%s that nothing needed', p.to_refund),
       format('of %%s', coalesce(r.surplus, 0))
from payment p
left join (select account_id, payment_id, sum(surplus) as surplus from refund
           where account_id > %(low)s and account_id <= %(high)s and retried_by is null
           group by 1, 2) r on r.account_id = p.account_id and r.payment_id = p.id
where p.account_id > %(low)s and p.account_id <= %(high)s and p.to_refund <> coalesce(r.surplus, 0);

-- name: check_refund_parts
-- A refund of ours is the sum of where its money came from; what it took of an invoice has a credit note of as much.
select r.account_id, format('refund %%s', r.id), format('parts of %%s and their credit note', r.amount),
       format('parts of %%s, credit note %%s', r.from_invoice + r.from_credit + r.surplus, r.credit_note_id)
from refund r
left join credit_note n on n.account_id = r.account_id and n.id = r.credit_note_id
where r.account_id > %(low)s and r.account_id <= %(high)s and r.cause <> 'provider'
  and (r.from_invoice + r.from_credit + r.surplus <> r.amount
       or (r.from_invoice > 0) <> (n.id is not null) or r.from_invoice > n.refund_due);

-- name: check_refund_taken
-- The credits that a refund or a dispute says it took are the ledger's entries of it.
select t.account_id, format('%%s %%s', t.kind, t.id), format('entry %%s of -%%s %%s', t.entry, t.amount, t.credit_type),
       coalesce(format('%%s of %%s %%s', e.kind, e.amount, e.credit_type), 'none')
from (select account_id, 'refund' as kind, id, (one ->> 'entry')::bigint as entry, (one ->> 'amount')::bigint as amount,
             one ->> 'credit_type' as credit_type
      from refund cross join lateral json_array_elements(taken) as l (one)
      where account_id > %(low)s and account_id <= %(high)s and retried_by is null
      union all
      select account_id, 'dispute', id, (one ->> 'entry')::bigint, (one ->> 'amount')::bigint, one ->> 'credit_type'
      from dispute cross join lateral json_array_elements(taken) as l (one)
      where account_id > %(low)s and account_id <= %(high)s) t
left join entry e on e.account_id = t.account_id and e.seq = t.entry
where (e.kind, e.amount, e.credit_type) is distinct from ('refund', -t.amount, t.credit_type);

-- name: check_dispute_returned
-- The credits that a dispute says were given again are grants of the ledger, and no more than it took.
select d.account_id, format('dispute %%s', d.id), format('grant %%s of %%s %%s', d.entry, d.amount, d.credit_type),
       coalesce(format('%%s of %%s %%s', e.kind, e.amount, e.credit_type), 'none')
from (select account_id, id, taken, (one ->> 'entry')::bigint as entry, (one ->> 'of')::bigint as of,
             (one ->> 'amount')::bigint as amount, one ->> 'credit_type' as credit_type
      from dispute cross join lateral json_array_elements(returned) as l (one)
      where account_id > %(low)s and account_id <= %(high)s) d
left join entry e on e.account_id = d.account_id and e.seq = d.entry
where (e.kind, e.amount, e.credit_type) is distinct from ('grant', d.amount, d.credit_type)
   or not exists (select from json_array_elements(d.taken) as t (one)
                  where (one ->> 'grant')::bigint = d.of and (one ->> 'amount')::bigint >= d.amount);

-- name: check_purchase_grants
-- What was bought was given: a grant of its amount, and one of its bonus, that are no other purchase's.
select p.account_id, format('purchase %%s', p.invoice_id),
       format('grants of %%s and %%s %%s, its own', p.credits, p.bonus, p.credit_type),
       format('grant %%s of %%s %%s, grant %%s of %%s', p.grant_id, g.amount, g.credit_type, p.bonus_grant_id, b.amount)
from purchase p
left join credit_grant g on g.account_id = p.account_id and g.id = p.grant_id
left join credit_grant b on b.account_id = p.account_id and b.id = p.bonus_grant_id
where p.account_id > %(low)s and p.account_id <= %(high)s and p.fulfilled_at is not null
  and ((g.amount, g.credit_type) is distinct from (p.credits, p.credit_type)
       or coalesce(b.amount, 0) <> p.bonus or (b.id is not null and b.credit_type <> p.credit_type)
       or exists (select from purchase o
                  where o.account_id = p.account_id and o.invoice_id <> p.invoice_id
                    and (o.grant_id in (p.grant_id, p.bonus_grant_id)
                         or o.bonus_grant_id in (p.grant_id, p.bonus_grant_id))));

-- name: check_purchase_paid
-- Credits are given when their invoice is paid, and only then.
select p.account_id, format('purchase %%s', p.invoice_id),
       case when i.status = 'paid' then 'given' else 'not given' end,
       format('invoice %%s, given %%s', i.status, coalesce(p.fulfilled_at::text, 'never'))
from purchase p
join invoice i on i.account_id = p.account_id and i.id = p.invoice_id
where p.account_id > %(low)s and p.account_id <= %(high)s
  and (i.status = 'paid') <> (p.fulfilled_at is not null);

-- name: count
select count(*) from payment where %(account)s::bigint is null or account_id = %(account)s;
