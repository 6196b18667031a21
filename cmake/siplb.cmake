# How a part of siplb is built: warnings, sanitizers, and one static library per layer.

option(SIPLB_TESTS "Build the tests" ON)
option(SIPLB_TOGETHER "Compile several files at once; OFF shows that each stands by itself" ON)
option(SIPLB_BENCH "Build the benchmarks" OFF)
option(SIPLB_FUZZ "Build the fuzz targets for libFuzzer (clang) instead of the replay main" OFF)
set(SIPLB_SANITIZE "" CACHE STRING "Value of -fsanitize=, empty for none")

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

add_library(siplb_flags INTERFACE)
target_include_directories(siplb_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
# A designated initialiser that leaves members at their defaults is what we want of options structs.
target_compile_options(siplb_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wvla -Werror -Wno-missing-field-initializers
  -fno-omit-frame-pointer)
target_compile_definitions(siplb_flags INTERFACE SIPLB_VERSION="${PROJECT_VERSION}")
target_link_libraries(siplb_flags INTERFACE Threads::Threads)

if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  # By a property of whoever uses these flags: an option of its own would stand before -O1.
  target_compile_options(siplb_flags INTERFACE
    $<IF:$<BOOL:$<TARGET_PROPERTY:SIPLB_UNOPTIMISED>>,-O0,-O1>)
  target_compile_definitions(siplb_flags INTERFACE SIPLB_DEBUG=1 _GLIBCXX_ASSERTIONS)
else()
  target_compile_options(siplb_flags INTERFACE -O2)
endif()

if(SIPLB_SANITIZE)
  target_compile_definitions(siplb_flags INTERFACE SIPLB_SANITIZED=1)
  target_compile_options(siplb_flags INTERFACE
    -fsanitize=${SIPLB_SANITIZE} -fno-sanitize-recover=all)
  # A quarter of the time that unit tests take to build; what they test is watched as ever.
  target_compile_options(siplb_flags INTERFACE
    $<$<BOOL:$<TARGET_PROPERTY:SIPLB_UNWATCHED>>:-fno-sanitize=undefined>)
  target_link_options(siplb_flags INTERFACE -fsanitize=${SIPLB_SANITIZE})
endif()
if(SIPLB_FUZZ)
  # What judges is nothing to explore.
  target_compile_options(siplb_flags INTERFACE
    $<$<NOT:$<BOOL:$<TARGET_PROPERTY:SIPLB_UNEXPLORED>>>:-fsanitize=fuzzer-no-link>)
endif()

# siplb_command_line(SOURCE): most of it is templates of CLI11, which run once. Checking and
# optimising those took half a minute a file.
function(siplb_command_line source)
  set_source_files_properties(${source} PROPERTIES
    COMPILE_OPTIONS "$<$<CONFIG:Debug>:-O0;-fno-sanitize=undefined>")
endfunction()

function(siplb_compile_together target is_wanted)
  if(is_wanted AND SIPLB_TOGETHER)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
    set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()

# siplb_layer(NAME [NO_EXCEPTIONS] [OFF_PATH] [TOGETHER] [ALONE files...] [LINK targets...]): the
# static library of src/NAME. Every .cpp in the folder belongs to it, but main.cpp, which makes a
# program.
# OFF_PATH: no message waits for it, so that builds with sanitizers need not optimise it.
# TOGETHER: several files are compiled at once, in half the time; no two of them, but those that
# stand ALONE, may give one name to different things.
function(siplb_layer name)
  cmake_parse_arguments(ARG "NO_EXCEPTIONS;OFF_PATH;TOGETHER" "" "ALONE;LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  add_library(siplb_${name} STATIC ${sources})
  target_link_libraries(siplb_${name} PUBLIC siplb_flags ${ARG_LINK})
  siplb_compile_together(siplb_${name} "${ARG_TOGETHER}" ${ARG_ALONE})
  set_target_properties(siplb_${name} PROPERTIES SIPLB_UNOPTIMISED "${ARG_OFF_PATH}")
  if(ARG_NO_EXCEPTIONS)
    target_compile_options(siplb_${name} PRIVATE -fno-exceptions)
  endif()
endfunction()

# siplb_unit_tests(LAYER [LINK targets...] [TOGETHER] [OWN_THREADS | THREADS_IN name...]):
# tests/unit/LAYER/*_test.cpp as one program, label unit. TOGETHER: as above. For ThreadSanitizer,
# OWN_THREADS: what is tested starts no thread, so that it can find something only in tests that do;
# THREADS_IN: only these NAME_test.cpp test what runs on threads.
function(siplb_unit_tests layer)
  cmake_parse_arguments(ARG "TOGETHER;OWN_THREADS" "" "LINK;THREADS_IN" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${layer}/*_test.cpp)
  if(ARG_OWN_THREADS AND SIPLB_SANITIZE STREQUAL "thread")
    foreach(source IN LISTS sources)
      file(STRINGS ${source} threads REGEX "^#include <thread>$")
      if(NOT threads)
        list(REMOVE_ITEM sources ${source})
      endif()
    endforeach()
  endif()
  if(ARG_THREADS_IN AND SIPLB_SANITIZE STREQUAL "thread")
    list(JOIN ARG_THREADS_IN "|" names)
    list(FILTER sources INCLUDE REGEX "/(${names})_test\\.cpp$")
  endif()
  if(NOT sources)
    return()
  endif()
  add_executable(unit_${layer} ${sources})
  target_link_libraries(unit_${layer} PRIVATE
    siplb_${layer} siplb_test_support ${ARG_LINK} GTest::gmock GTest::gtest_main)
  target_compile_definitions(unit_${layer} PRIVATE SIPLB_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  siplb_compile_together(unit_${layer} "${ARG_TOGETHER}")
  # Halves the time that they take to build; what they test is optimised as ever.
  set_target_properties(unit_${layer} PROPERTIES SIPLB_UNOPTIMISED ON SIPLB_UNWATCHED ON)
  add_test(NAME unit_${layer} COMMAND unit_${layer})
  set_tests_properties(unit_${layer} PROPERTIES LABELS unit TIMEOUT 60)
endfunction()
