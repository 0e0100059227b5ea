mr_fuzz(json SRCS json_fuzz.cc DEPS json)
mr_fuzz(json_path SRCS json_path_fuzz.cc DEPS json)
target_include_directories(fuzz_json_path PRIVATE ${CMAKE_SOURCE_DIR}/tests)
