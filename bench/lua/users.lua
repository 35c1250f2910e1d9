-- A GET of `path` by users who are signed in: the accounts' file has an access token a line here.
dofile(os.getenv("BENCH_LUA") .. "/common.lua")
local requests = {}
function init(args)
  for i, token in ipairs(accounts) do
    headers["Authorization"] = "Bearer " .. token
    requests[i] = wrk.format("GET", path, headers)
  end
end
function request() return requests[math.random(#requests)] end
