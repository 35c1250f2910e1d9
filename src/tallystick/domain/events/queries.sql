-- Events. Every query names the tenant.

-- name: insert_events
insert into event (tenant_id, id, type, account_id, at, data)
select %(tenant)s, id, type, account_id, at, data
from json_populate_recordset(null::event, %(rows)s::json)
