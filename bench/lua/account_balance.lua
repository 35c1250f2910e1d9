path = "/auth/account/credits"
dofile(os.getenv("BENCH_LUA") .. "/users.lua")
