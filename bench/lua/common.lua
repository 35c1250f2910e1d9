-- Shared by the scripts: accounts and key come from files, so that no secret stands on a command line.
function lines(path)
  local found = {}
  for line in io.lines(path) do found[#found + 1] = line end
  return found
end
accounts = lines(os.getenv("BENCH_ACCOUNTS"))
headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. lines(os.getenv("BENCH_KEY"))[1]}
math.randomseed(tonumber(os.getenv("BENCH_SEED") or "1"))
-- wrk waits this many milliseconds before each request: how a run is held at half load
local pause = tonumber(os.getenv("BENCH_PAUSE_MS") or "0")
if pause > 0 then
  function delay() return math.floor(pause * (0.5 + math.random())) end
end
