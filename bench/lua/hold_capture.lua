-- A hold, and then the capture of one that was answered: what is counted is pairs.
dofile(os.getenv("BENCH_LUA") .. "/common.lua")
local waiting = {}
local holds = {}
function init(args)
  for i, account in ipairs(accounts) do
    holds[i] = wrk.format("POST", "/v2/holds", headers,
      '{"account":"' .. account .. '","amount":"0.001","expires_in":3600}')
  end
end
function request()
  local id = table.remove(waiting)
  if id then
    return wrk.format("POST", "/v2/holds/" .. id .. "/capture", headers, '{"amount":"0.001","final":true}')
  end
  return holds[math.random(#holds)]
end
function response(status, header, body)
  if status == 201 then waiting[#waiting + 1] = string.match(body, '"id":"(hold_%w+)"') end
end
