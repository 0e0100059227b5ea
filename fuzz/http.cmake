mr_fuzz(http_request SRCS http_request_fuzz.cc DEPS http)
mr_fuzz(http_response SRCS http_response_fuzz.cc DEPS http)
mr_fuzz(http_query SRCS http_query_fuzz.cc DEPS http)
