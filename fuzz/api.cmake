mr_fuzz(api_publish SRCS api_publish_fuzz.cc DEPS api)
