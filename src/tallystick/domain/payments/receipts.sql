-- What was bought, as its customer sees it. Rows are reached by an account whose tenant was checked.

-- name: purchase_of_entry
-- The purchase whose credits an entry gave, or whose bonus.
select account_id as account, invoice_id as invoice, tenant_id as tenant, package_id as package, cause, credit_type,
       credits, bonus, expires_after_days, grant_id, bonus_grant_id, fulfilled_at, created_at
from purchase
where account_id = %(account)s and %(seq)s in (grant_id, bonus_grant_id)

-- name: package_sold
-- One that is deleted too.
select number, name from package where tenant_id = %(tenant)s and id = %(package)s

-- name: packages_of_entries
-- The packages that entries gave the credits of; those that are deleted too.
select p.grant_id as seq, k.number, k.name
from purchase p
join package k on k.tenant_id = p.tenant_id and k.id = p.package_id
where p.account_id = %(account)s and p.grant_id = any(%(seqs)s::bigint[])

-- name: last_purchase
-- When credits were last bought, by this account: what others transfer stays of its source, and is no purchase.
select e.effective_at
from credit_grant g
join entry e on e.account_id = g.account_id and e.seq = g.id
where g.account_id = %(account)s and g.credit_type = %(credit_type)s and g.source = 'purchase'
  and e.kind = 'grant'
order by g.id desc
limit 1
