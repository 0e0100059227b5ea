mr_fuzz(observability_log SRCS observability_log_fuzz.cc DEPS observability)
