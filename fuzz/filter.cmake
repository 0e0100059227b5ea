mr_fuzz(filter_expression SRCS filter_expression_fuzz.cc DEPS filter)
target_include_directories(fuzz_filter_expression PRIVATE ${CMAKE_SOURCE_DIR}/tests)
