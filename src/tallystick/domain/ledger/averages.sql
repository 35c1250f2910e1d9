-- name: spent_on
-- What entries [low, high) of a wallet spent on some operations, and on how many units (millionths).
select operation, -sum(amount) as spent, sum(quantity) as units
from entry
where account_id = %(account)s and credit_type = %(credit_type)s and seq >= %(low)s and seq < %(high)s
  and kind in ('debit', 'capture') and quantity > 0 and operation = any(%(operations)s::text[])
group by operation
