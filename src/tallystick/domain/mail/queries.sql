-- E-mail on its way out. Times are the machine's. Every query that a request makes names the tenant.

-- name: insert_mail
insert into mail (tenant_id, id, key, kind, account_id, sender, recipient, subject, body, due_at)
select t.id, %(id)s, %(key)s, %(kind)s, %(account)s::bigint, %(sender)s, %(recipient)s,
       case t.mode when 'test' then 'TEST: ' else '' end || %(subject)s::text, %(body)s, clock_timestamp()
from tenant t where t.id = %(tenant)s
on conflict (tenant_id, key) do nothing

-- name: claim
-- What is due, pushed ahead while it is being sent: whoever dies with it leaves it to the next.
with due as (
    select tenant_id, id from mail
    where due_at <= clock_timestamp()
    order by due_at
    limit %(limit)s
    for no key update skip locked
)
update mail m
set attempts = m.attempts + 1, due_at = clock_timestamp() + %(lease)s::int * interval '1 second'
from due d
where m.tenant_id = d.tenant_id and m.id = d.id
returning m.tenant_id as tenant, m.id, m.sender, m.recipient, m.subject, m.body, m.attempts

-- name: mark_sent
-- Sent is final, whoever else may have claimed it meanwhile.
update mail set status = 'sent', due_at = null, error = null, sent_at = clock_timestamp(),
       body = case when kind = any(%(lets_in)s::text[]) then '' else body end
where tenant_id = %(tenant)s and id = %(id)s and status <> 'sent'

-- name: put_off
-- Unless somebody claimed it anew.
update mail set due_at = clock_timestamp() + %(seconds)s::int * interval '1 second', error = %(error)s
where tenant_id = %(tenant)s and id = %(id)s and attempts = %(attempts)s and status = 'queued'

-- name: give_up
update mail set status = 'failed', due_at = null, error = %(error)s,
       body = case when kind = any(%(lets_in)s::text[]) then '' else body end
where tenant_id = %(tenant)s and id = %(id)s and attempts = %(attempts)s and status = 'queued'

-- name: mail
select m.id, m.place, m.kind, m.account_id as account, h.uuid as account_uuid, m.sender, m.recipient, m.subject, m.body,
       m.status, m.attempts, m.error, m.due_at, m.created_at, m.sent_at
from mail m left join account_head h on h.account_id = m.account_id
where m.tenant_id = %(tenant)s and m.id = %(id)s

-- name: mails
select m.id, m.place, m.kind, m.account_id as account, h.uuid as account_uuid, m.sender, m.recipient, m.subject, m.body,
       m.status, m.attempts, m.error, m.due_at, m.created_at, m.sent_at
from mail m left join account_head h on h.account_id = m.account_id
where m.tenant_id = %(tenant)s and m.place < %(before)s
  and (%(status)s::text is null or m.status = %(status)s)
order by m.place desc
limit %(limit)s

-- name: letters_lately
-- The newest alone are looked at, by the account's index: none is on time.
select count(*) from (
    select created_at from mail
    where tenant_id = %(tenant)s and account_id = %(account)s and kind = %(kind)s
    order by place desc
    limit %(most)s
) newest
where created_at > clock_timestamp() - make_interval(secs => %(seconds)s)

-- name: mails_of_account
-- A query of its own, so that its plan is always the account's index.
select m.id, m.place, m.kind, m.account_id as account, h.uuid as account_uuid, m.sender, m.recipient, m.subject, m.body,
       m.status, m.attempts, m.error, m.due_at, m.created_at, m.sent_at
from mail m left join account_head h on h.account_id = m.account_id
where m.tenant_id = %(tenant)s and m.account_id = %(account)s and m.place < %(before)s
  and (%(status)s::text is null or m.status = %(status)s)
order by m.place desc
limit %(limit)s
