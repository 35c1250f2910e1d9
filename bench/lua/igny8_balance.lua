path = "/v1/billing/credits/balance/balance/"
dofile(os.getenv("BENCH_LUA") .. "/users.lua")
