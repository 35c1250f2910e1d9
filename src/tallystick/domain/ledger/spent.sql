-- What credits were used for: rows of usage, each of a feature. An entry's operation says which, where it is the key of
-- one that the entry's credit type pays for; else the type itself stands for it.

-- name: spent
select seq, credit_type, operation, posted_after, amount, metadata, effective_at
from entry
where account_id = %(account)s and kind in ('debit', 'capture') and seq <= %(last)s
  and (%(credit_type)s::text is null or credit_type = %(credit_type)s)
  and (%(only)s::text is null or operation = %(only)s)
  and (%(others)s::text[] is null or operation is null or operation <> all (%(others)s))
order by seq desc
limit %(limit)s

-- name: spent_total
select count(*)
from entry
where account_id = %(account)s and kind in ('debit', 'capture') and seq <= %(last)s
  and (%(credit_type)s::text is null or credit_type = %(credit_type)s)
  and (%(only)s::text is null or operation = %(only)s)
  and (%(others)s::text[] is null or operation is null or operation <> all (%(others)s))
