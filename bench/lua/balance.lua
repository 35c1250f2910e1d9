dofile(os.getenv("BENCH_LUA") .. "/common.lua")
local requests = {}
function init(args)
  for i, account in ipairs(accounts) do
    requests[i] = wrk.format("GET", "/v2/accounts/" .. account .. "/balance", headers)
  end
end
function request() return requests[math.random(#requests)] end
