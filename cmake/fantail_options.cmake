# SPDX-License-Identifier: Apache-2.0
# The switches of the build, and what every target is compiled with.
option(FANTAIL_TESTS "build the tests" ON)
option(FANTAIL_BENCH "build the load driver and micro benchmarks" ON)
option(FANTAIL_FUZZ "build the fuzzers (clang)" OFF)
set(FANTAIL_SANITIZE "" CACHE STRING "comma-separated sanitizers: address,undefined or thread")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(fantail_flags INTERFACE)
target_include_directories(fantail_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
target_compile_options(fantail_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror=return-type
    $<$<CXX_COMPILER_ID:GNU>:-Wno-missing-field-initializers>
    $<$<CXX_COMPILER_ID:Clang>:-Wno-missing-designated-field-initializers> -fno-plt)
if(FANTAIL_SANITIZE)
    target_compile_options(fantail_flags INTERFACE -fsanitize=${FANTAIL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(fantail_flags INTERFACE -fsanitize=${FANTAIL_SANITIZE})
endif()
