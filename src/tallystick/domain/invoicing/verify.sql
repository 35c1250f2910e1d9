-- The checks of invoices that `tallystick verify` runs. Each looks at the accounts in (low, high] and gives a row for
-- each fault: account_id, the row that lies, what it should say, what it says. Amounts are minor units.

-- name: check_invoice_lines
-- An invoice is the sum of its lines.
select i.account_id, format('invoice %%s', i.id), format('subtotal %%s, tax %%s', coalesce(l.net, 0), coalesce(l.tax, 0)),
       format('subtotal %%s, tax %%s', i.subtotal, i.tax)
from invoice i
left join (select account_id, invoice_id, sum(net) as net, sum(tax) as tax from invoice_line
           where account_id > %(low)s and account_id <= %(high)s
           group by 1, 2) l on l.account_id = i.account_id and l.invoice_id = i.id
where i.account_id > %(low)s and i.account_id <= %(high)s
  and (i.subtotal, i.tax) is distinct from (coalesce(l.net, 0), coalesce(l.tax, 0));

-- name: check_invoice_taxes
-- Its tax is the sum of its rates' taxes, and a line's that of its parts.
select i.account_id, format('invoice %%s', i.id), format('tax %%s', t.amount), format('tax %%s', i.tax)
from invoice i
cross join lateral (select coalesce(sum((e.part ->> 'amount')::bigint), 0) as amount
                    from json_array_elements(i.taxes) as e (part)) t
where i.account_id > %(low)s and i.account_id <= %(high)s and i.tax <> t.amount
union all
select l.account_id, format('invoice %%s line %%s', l.invoice_id, l.position), format('tax %%s', t.amount),
       format('tax %%s', l.tax)
from invoice_line l
cross join lateral (select coalesce(sum(e.part::text::bigint), 0) as amount
                    from json_array_elements(l.taxes) as e (part)) t
where l.account_id > %(low)s and l.account_id <= %(high)s and l.tax <> t.amount;

-- name: check_invoice_total
-- Nothing is carried to the customer's credit but a negative sum; what is due is what is left of the total.
select account_id, format('invoice %%s', id),
       format('carried %%s, total %%s', greatest(0, -(subtotal + tax)), greatest(0, subtotal + tax)),
       format('carried %%s, total %%s', carried, total)
from invoice
where account_id > %(low)s and account_id <= %(high)s
  and (carried <> greatest(0, -(subtotal + tax)) or total <> subtotal + tax + carried
       or amount_due <> total - credit_applied - credited or amount_paid not between 0 and amount_due);

-- name: check_invoice_state
-- Paid is what nothing is left of; what was issued has a number, and a draft none.
select account_id, format('invoice %%s', id),
       case when status in ('open', 'uncollectible') then 'a number, something due'
            when status = 'paid' then 'a number, nothing due' else 'no number, nothing issued' end,
       format('%%s, number %%s, due %%s, paid %%s', status, number, amount_due, amount_paid)
from invoice
where account_id > %(low)s and account_id <= %(high)s
  and not case status
      when 'draft' then number is null and issued_at is null and amount_paid = 0 and credit_applied = 0
      when 'void' then (number is null) = (issued_at is null) and voided_at is not null
      when 'paid' then number is not null and amount_due = amount_paid and paid_at is not null
      else number is not null and amount_due > amount_paid and paid_at is null end;

-- name: check_invoice_payments
-- What is paid is what came in.
select i.account_id, format('invoice %%s', i.id), format('amount_paid %%s', coalesce(p.applied, 0)),
       format('amount_paid %%s', i.amount_paid)
from invoice i
left join (select account_id, invoice_id, sum(applied) as applied from invoice_payment
           where account_id > %(low)s and account_id <= %(high)s
           group by 1, 2) p on p.account_id = i.account_id and p.invoice_id = i.id
where i.account_id > %(low)s and i.account_id <= %(high)s and i.amount_paid <> coalesce(p.applied, 0);

-- name: check_invoice_credited
-- What credit notes took off is what they say they applied, and they never sum to more than the invoice.
select i.account_id, format('invoice %%s', i.id),
       format('credited %%s, notes of at most %%s', coalesce(n.applied, 0), i.total),
       format('credited %%s, notes of %%s', i.credited, coalesce(n.total, 0))
from invoice i
left join (select account_id, invoice_id, sum(applied) as applied, sum(total) as total from credit_note
           where account_id > %(low)s and account_id <= %(high)s
           group by 1, 2) n on n.account_id = i.account_id and n.invoice_id = i.id
where i.account_id > %(low)s and i.account_id <= %(high)s
  and (i.credited <> coalesce(n.applied, 0) or coalesce(n.total, 0) > i.total);

-- name: check_credit_note_lines
-- A credit note is the sum of its lines, and of where it went, and has a number.
select n.account_id, format('credit note %%s', n.id), format('subtotal %%s, tax %%s, a number', l.net, l.tax),
       format('subtotal %%s, tax %%s, %%s', n.subtotal, n.tax, n.number)
from credit_note n
left join (select account_id, credit_note_id, sum(net) as net, sum(tax) as tax from credit_note_line
           where account_id > %(low)s and account_id <= %(high)s
           group by 1, 2) l on l.account_id = n.account_id and l.credit_note_id = n.id
where n.account_id > %(low)s and n.account_id <= %(high)s
  and ((n.subtotal, n.tax) is distinct from (l.net, l.tax) or n.number is null
       or n.total <> n.applied + n.to_credit + n.refund_due);

-- name: check_customer_credit
-- Numbered without gaps, and each row says the balance that the rows up to it make.
select account_id, format('customer_credit %%s', seq), format('seq %%s, balance %%s', place, running),
       format('seq %%s, balance %%s', seq, balance)
from (select account_id, seq, balance,
             row_number() over (partition by account_id order by seq) as place,
             sum(amount) over (partition by account_id, currency order by seq) as running
      from customer_credit
      where account_id > %(low)s and account_id <= %(high)s) c
where seq <> place or balance <> running;

-- name: check_invoice_credit
-- The customer's credit moved by what each invoice says: applied, carried, paid too much, and given back by a void.
select i.account_id, format('invoice %%s', i.id), format('credit moved by %%s', i.wanted),
       format('credit moved by %%s', coalesce(c.amount, 0))
from (select i.account_id, i.id,
             case when i.issued_at is null then 0
                  else i.carried - i.credit_applied
                       + coalesce((select sum(amount - applied) from invoice_payment p
                                   where p.account_id = i.account_id and p.invoice_id = i.id), 0)
                       + coalesce((select sum(to_credit) from credit_note n
                                   where n.account_id = i.account_id and n.invoice_id = i.id), 0)
                       + case when i.status = 'void' then i.credit_applied + i.amount_paid else 0 end
             end as wanted
      from invoice i where i.account_id > %(low)s and i.account_id <= %(high)s) i
left join (select account_id, invoice_id, sum(amount) as amount from customer_credit
           where account_id > %(low)s and account_id <= %(high)s and invoice_id is not null
           group by 1, 2) c on c.account_id = i.account_id and c.invoice_id = i.id
where i.wanted <> coalesce(c.amount, 0);

-- name: count
select count(*) from invoice where %(account)s::bigint is null or account_id = %(account)s;

-- name: numbers
-- Of a whole tenant, whose numbers run over all accounts: a fault for each sequence that has a gap where no other
-- number of the tenant stands, or whose counter says something else. Patterns whose numbers read the same leave
-- each other's out.
with numbered as (
    select tenant_id, 'invoice' as kind, scope, seq, number from invoice where seq is not null
    union all
    select tenant_id, 'credit_note', scope, seq, number from credit_note where seq is not null
), widths as (
    select tenant_id, kind, scope, max(seq) as last, count(*) as given, min(seq) as first
    from numbered
    group by 1, 2, 3
), missing as (
    select w.tenant_id, w.kind, w.scope, s.seq
    from widths w
    cross join lateral generate_series(1, w.last) as s (seq)
    where w.given <> w.last
      and not exists (select from numbered n where n.tenant_id = w.tenant_id and n.kind = w.kind
                      and n.scope = w.scope and n.seq = s.seq)
)
select c.tenant_id, format('%%s numbers %%s', c.kind, c.scope), format('last %%s', coalesce(w.last, 0)),
       format('last %%s', c.value)
from invoice_counter c
left join widths w on (w.tenant_id, w.kind, w.scope) = (c.tenant_id, c.kind, c.scope)
where c.value <> coalesce(w.last, 0)
union all
select w.tenant_id, format('%%s numbers %%s', w.kind, w.scope), 'a counter', 'none'
from widths w
where not exists (select from invoice_counter c
                  where (c.tenant_id, c.kind, c.scope) = (w.tenant_id, w.kind, w.scope))
union all
select m.tenant_id, format('%%s numbers %%s', m.kind, m.scope), format('number %%s', m.seq), 'none'
from missing m
where not exists (select from numbered n
                  where n.tenant_id = m.tenant_id and n.kind = m.kind
                    and n.number ~ ('^' || regexp_replace(split_part(m.scope, '{SEQ}', 1), '([./# -])', '\\\1', 'g')
                                    || '0*' || m.seq
                                    || regexp_replace(split_part(m.scope, '{SEQ}', 2), '([./# -])', '\\\1', 'g') || '$'));
