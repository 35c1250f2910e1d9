-- E-mail on its way out.

-- name: insert_mail
insert into mail (tenant_id, id, key, kind, account_id, recipient, subject, body, due_at)
values (%(tenant)s, %(id)s, %(key)s, %(kind)s, %(account)s, %(recipient)s, %(subject)s, %(body)s, clock_timestamp())
on conflict (tenant_id, key) do nothing
