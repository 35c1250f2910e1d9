dofile(os.getenv("BENCH_LUA") .. "/common.lua")
local size = tonumber(os.getenv("BENCH_BATCH"))
function request()
  local commands = {}
  for i = 1, size do
    commands[i] = '{"type":"debit","account":"' .. accounts[math.random(#accounts)] .. '","amount":"0.001"}'
  end
  return wrk.format("POST", "/v2/batch", headers, '{"commands":[' .. table.concat(commands, ",") .. ']}')
end
