-- Details of one Android app that is cached, paid by one workspace.
dofile(os.getenv("BENCH_LUA") .. "/common.lua")
local requests = {}
function init(args)
  for i, account in ipairs(accounts) do
    requests[i] = wrk.format("POST", "/api/aso/android-details/", headers,
      '{"app_id":"com.example.app","country":"us","language":"en","workspace_id":"' .. account .. '"}')
  end
end
function request() return requests[math.random(#requests)] end
