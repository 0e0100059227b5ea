# One library per folder of src/, with declared dependencies that tools/check_layers.py reads.

add_library(mr_flags INTERFACE)
target_include_directories(mr_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(mr_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
  -fno-omit-frame-pointer)
# g++ 12 warns of overlapping copies in std::string::insert that cannot happen (GCC bug 105329).
target_compile_options(mr_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(MR_WERROR)
  target_compile_options(mr_flags INTERFACE -Werror)
endif()
if(MR_PLANTING)
  target_compile_definitions(mr_flags INTERFACE MR_PLANTING)
endif()
if(MR_SANITIZE)
  # The sanitizers' checks make g++ 12 take initialised variables for uninitialised ones.
  target_compile_options(mr_flags INTERFACE -fsanitize=${MR_SANITIZE} -fno-sanitize-recover=all
    -Wno-maybe-uninitialized)
  target_link_options(mr_flags INTERFACE -fsanitize=${MR_SANITIZE})
endif()
if(MR_FUZZ)
  # clang finds std::stable_sort of g++ 12 deprecated, and counts signs where g++ does not.
  target_compile_options(mr_flags INTERFACE -Wno-deprecated-declarations -Wno-sign-conversion
    -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
    -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(mr_flags INTERFACE -fsanitize=address,undefined -fprofile-instr-generate)
endif()
find_package(Threads REQUIRED)
target_link_libraries(mr_flags INTERFACE Threads::Threads)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()

set_property(GLOBAL PROPERTY MR_LAYERS "")

# mr_library(hub SRCS a.cc b.cc DEPS base model LIBS OpenSSL::Crypto)
# SRCS empty: a header-only folder. LIBS are private to the folder's sources.
function(mr_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS;LIBS" ${ARGN})
  if(ARG_SRCS)
    add_library(mr_${name} STATIC ${ARG_SRCS})
    target_link_libraries(mr_${name} PUBLIC mr_flags PRIVATE ${ARG_LIBS})
    set(scope PUBLIC)
  else()
    add_library(mr_${name} INTERFACE)
    target_link_libraries(mr_${name} INTERFACE mr_flags ${ARG_LIBS})
    set(scope INTERFACE)
  endif()
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(mr_${name} ${scope} mr_${dep})
  endforeach()
  string(JOIN " " deps ${ARG_DEPS})
  set_property(GLOBAL APPEND PROPERTY MR_LAYERS "${name}: ${deps}")
endfunction()

# mr_test(hub SRCS channel_test.cc DEPS hub): one gtest binary per folder, one CTest case. Nothing
# where MR_TESTS is off.
function(mr_test name)
  if(NOT MR_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS;LIBS" ${ARGN})
  add_executable(test_${name} ${ARG_SRCS})
  target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_compile_options(test_${name} PRIVATE -O0 -g1)
  # Hundreds of seeds cost more time than the compiler does.
  set(simulations ${ARG_SRCS})
  list(FILTER simulations INCLUDE REGEX "_sim_test\\.cc$")
  set_source_files_properties(${simulations} PROPERTIES COMPILE_OPTIONS -O1)
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(test_${name} PRIVATE mr_${dep})
  endforeach()
  target_link_libraries(test_${name} PRIVATE mr_flags GTest::gtest GTest::gtest_main ${ARG_LIBS})
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600)
endfunction()

# mr_fuzz(ws_frame SRCS ws_frame_fuzz.cc DEPS ws): a libFuzzer target.
function(mr_fuzz name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(fuzz_${name} ${ARG_SRCS})
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(fuzz_${name} PRIVATE mr_${dep})
  endforeach()
  target_link_libraries(fuzz_${name} PRIVATE mr_flags)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endfunction()

function(mr_write_layers)
  get_property(layers GLOBAL PROPERTY MR_LAYERS)
  string(JOIN "\n" text ${layers})
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/layers.txt CONTENT "${text}\n")
endfunction()
