dofile(os.getenv("BENCH_LUA") .. "/common.lua")
local requests = {}
function init(args)
  for i, account in ipairs(accounts) do
    requests[i] = wrk.format("POST", "/v2/debits", headers, '{"account":"' .. account .. '","amount":"0.001"}')
  end
end
function request() return requests[math.random(#requests)] end
