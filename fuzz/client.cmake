mr_fuzz(client_delta SRCS client_delta_fuzz.cc DEPS client)
