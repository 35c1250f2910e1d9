-- The sandbox's statements. Every one names the tenant.

-- Pages ---------------------------------------------------------------------------------------------------

-- name: insert_checkout
insert into sandbox_checkout (tenant_id, checkout_id, payment_id, customer_ref, amount, currency, description,
                              save_method, status, created_at, expires_at)
values (%(tenant)s, %(checkout)s, %(payment)s, %(customer)s, %(amount)s, %(currency)s, %(description)s,
        %(save_method)s, 'open', %(now)s, %(expires_at)s)
on conflict do nothing

-- name: lock_checkout
-- A page is tried once at a time: of a double click the second finds what the first did.
select tenant_id, checkout_id, payment_id, customer_ref, amount, currency, description, save_method, status, card,
       keep_card, method_id, failure_code, failure_message, created_at, expires_at
from sandbox_checkout
where tenant_id = %(tenant)s and checkout_id = %(checkout)s
for update

-- name: save_checkout
update sandbox_checkout
set status = %(status)s, card = %(card)s, keep_card = %(keep_card)s, method_id = %(method)s,
    failure_code = %(failure_code)s, failure_message = %(failure_message)s
where tenant_id = %(tenant)s and checkout_id = %(checkout)s

-- Payments ------------------------------------------------------------------------------------------------

-- name: insert_payment
insert into sandbox_payment (tenant_id, payment_id, customer_ref, checkout_id, method_id, card, amount, currency,
                             description, status, final, failure_code, failure_message, succeeds_at, created_at,
                             updated_at)
values (%(tenant)s, %(payment)s, %(customer)s, %(checkout)s, %(method)s, %(card)s, %(amount)s, %(currency)s,
        %(description)s, %(status)s, %(final)s, %(failure_code)s, %(failure_message)s, %(succeeds_at)s, %(now)s,
        %(now)s)
on conflict do nothing

-- name: lock_payment
select tenant_id, payment_id, customer_ref, checkout_id, method_id, card, amount, currency, description, status,
       final, failure_code, failure_message, succeeds_at, created_at, updated_at
from sandbox_payment
where tenant_id = %(tenant)s and payment_id = %(payment)s
for update

-- name: save_payment
update sandbox_payment
set status = %(status)s, final = %(final)s, card = %(card)s, method_id = %(method)s,
    failure_code = %(failure_code)s, failure_message = %(failure_message)s, succeeds_at = %(succeeds_at)s,
    updated_at = %(now)s
where tenant_id = %(tenant)s and payment_id = %(payment)s

-- name: payments_of
-- The customer's, the newest first.
select tenant_id, payment_id, customer_ref, checkout_id, method_id, card, amount, currency, description, status,
       final, failure_code, failure_message, succeeds_at, created_at, updated_at
from sandbox_payment
where tenant_id = %(tenant)s and customer_ref = %(customer)s
order by created_at desc, payment_id desc
limit %(limit)s

-- Saved cards ---------------------------------------------------------------------------------------------

-- name: insert_method
insert into sandbox_method (tenant_id, method_id, customer_ref, card, created_at)
values (%(tenant)s, %(method)s, %(customer)s, %(card)s, %(now)s)

-- name: method
select method_id, customer_ref, card, removed_at
from sandbox_method
where tenant_id = %(tenant)s and method_id = %(method)s

-- name: remove_method
update sandbox_method set removed_at = %(now)s
where tenant_id = %(tenant)s and method_id = %(method)s and removed_at is null

-- Refunds and disputes ------------------------------------------------------------------------------------

-- name: insert_refund
insert into sandbox_refund (tenant_id, refund_id, payment_id, amount, currency, status, failure, created_at)
values (%(tenant)s, %(refund)s, %(payment)s, %(amount)s, %(currency)s, %(status)s, %(failure)s, %(now)s)

-- name: refund
select refund_id, payment_id, amount, currency, status, failure, created_at
from sandbox_refund
where tenant_id = %(tenant)s and refund_id = %(refund)s

-- name: refunds_of
select refund_id, payment_id, amount, currency, status, failure, created_at
from sandbox_refund
where tenant_id = %(tenant)s and payment_id = %(payment)s
order by created_at, refund_id

-- name: insert_dispute
insert into sandbox_dispute (tenant_id, payment_id, amount, currency, created_at, evidence_due_at)
values (%(tenant)s, %(payment)s, %(amount)s, %(currency)s, %(now)s, %(evidence_due_at)s)
on conflict do nothing

-- name: dispute
select payment_id, amount, currency, created_at, evidence_due_at
from sandbox_dispute
where tenant_id = %(tenant)s and payment_id = %(payment)s
