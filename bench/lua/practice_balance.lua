-- The accounts' file has numbers of practices here.
dofile(os.getenv("BENCH_LUA") .. "/common.lua")
local requests = {}
function init(args)
  for i, practice in ipairs(accounts) do
    requests[i] = wrk.format("GET", "/api/credits/balance/?practice_id=" .. practice, headers)
  end
end
function request() return requests[math.random(#requests)] end
