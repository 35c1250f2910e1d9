-- Consumes of the AppVector contract; the accounts' file has workspaces (UUIDs) here.
dofile(os.getenv("BENCH_LUA") .. "/common.lua")
local requests = {}
function init(args)
  for i, workspace in ipairs(accounts) do
    requests[i] = wrk.format("POST", "/api/billing/credits/consume/", headers,
      '{"workspace_id":"' .. workspace .. '","feature_key":"credits","amount":1}')
  end
end
function request() return requests[math.random(#requests)] end
