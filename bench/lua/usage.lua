-- Usage events of the CrediBill contract; the accounts' file has subscriptions here.
dofile(os.getenv("BENCH_LUA") .. "/common.lua")
local requests = {}
function init(args)
  for i, subscription in ipairs(accounts) do
    requests[i] = wrk.format("POST", "/api/usage", headers,
      '{"subscriptionId":"' .. subscription .. '","quantity":1,"metric":"api_calls"}')
  end
end
function request() return requests[math.random(#requests)] end
