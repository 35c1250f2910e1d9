-- The checks of usage that `tallystick verify` runs. Each looks at the accounts in (low, high] and gives a row for each
-- fault: account_id, the row that lies, what it should say, what it says. Quantities are millionths.

-- name: check_usage_hours
-- An hour's count and sum are those of its events.
select account_id, format('%%s in the hour of %%s', metric, hour),
       format('%%s events of %%s', coalesce(e.count, 0), coalesce(e.sum, 0)),
       format('%%s events of %%s', coalesce(h.count, 0), coalesce(h.sum, 0))
from (select account_id, metric, date_trunc('hour', at, 'UTC') as hour, count(*) as count, sum(quantity) as sum
      from usage_event
      where account_id > %(low)s and account_id <= %(high)s and deleted_at is null
      group by 1, 2, 3) e
full join (select account_id, metric, hour, count, sum from usage_hour
           where account_id > %(low)s and account_id <= %(high)s) h using (account_id, metric, hour)
where (coalesce(e.count, 0), coalesce(e.sum, 0)) is distinct from (coalesce(h.count, 0), coalesce(h.sum, 0));

-- name: check_usage_keys
-- An event's id was used for that event and for no other.
select e.account_id, format('usage event %%s', e.id), format('id %%s names it', e.event_id),
       coalesce(format('it names %%s', k.id), 'it names none')
from usage_event e
left join usage_key k on k.account_id = e.account_id and k.key = 'e:' || e.event_id
where e.account_id > %(low)s and e.account_id <= %(high)s and e.event_id is not null and k.id is distinct from e.id;

-- name: check_usage_debits
-- The debit that an event names is its account's, of that operation.
select e.account_id, format('usage event %%s', e.id), format('debited %%s by entry %%s', e.operation, e.entry),
       coalesce(format('that entry is a %%s of %%s', l.kind, l.operation), 'there is no such entry')
from usage_event e
left join entry l on l.account_id = e.account_id and l.seq = e.entry
where e.account_id > %(low)s and e.account_id <= %(high)s and e.entry is not null
  and (l.seq is null or l.kind <> 'debit' or l.operation is distinct from e.operation);
