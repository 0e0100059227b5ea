mr_fuzz(config_file SRCS config_file_fuzz.cc DEPS config)
