foreach(name ws_frame_server ws_frame_client ws_utf8)
  mr_fuzz(${name} SRCS ${name}_fuzz.cc DEPS ws base)
  target_include_directories(fuzz_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/tests)
endforeach()
