mr_fuzz(json SRCS json_fuzz.cc DEPS json)
