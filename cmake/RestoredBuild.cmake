# How the project's targets are made: one library a folder, warnings as errors, and
# include paths that exist only for declared dependencies, so that a forbidden include
# fails to build.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

find_program(RESTORED_CCACHE ccache)
if(RESTORED_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${RESTORED_CCACHE}")
endif()

macro(restored_warnings)
  add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion
                      -Wnon-virtual-dtor -Wold-style-cast -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_compile_options(-Wthread-safety)
  endif()
  if(RESTORED_SANITIZE)
    add_compile_options("-fsanitize=${RESTORED_SANITIZE}" -fno-omit-frame-pointer
                        -fno-sanitize-recover=all)
    add_link_options("-fsanitize=${RESTORED_SANITIZE}")
  endif()
endmacro()

# For what waits for others anyway, and is much of the code: half of its compile time is the optimiser.
macro(restored_build_time_first)
  if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND NOT RESTORED_SANITIZE)
    add_compile_options(-O1 -Wno-maybe-uninitialized)  # it cannot see enough there to be right
  endif()
  # UBSan is a third of the compile time there. What is tested has it; a template that both use may
  # be linked without.
  if(RESTORED_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=undefined)
  endif()
endmacro()

# restored_library(<folder name> [SOURCES f...] [PUBLIC target...] [PRIVATE target...])
# makes the target restored_<name> from the current folder. Its headers are included as
# "<name>/header.h", and only by targets that link it.
function(restored_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  set(root "${CMAKE_BINARY_DIR}/include/${name}")
  file(MAKE_DIRECTORY "${root}")
  file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}" "${root}/${name}" SYMBOLIC)
  if(ARG_SOURCES)
    add_library(restored_${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(restored_${name} PRIVATE ${ARG_PRIVATE})
  else()
    add_library(restored_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(restored_${name} ${scope} "${root}" "${CMAKE_SOURCE_DIR}/include")
  target_link_libraries(restored_${name} ${scope} ${ARG_PUBLIC})
endfunction()

# restored_test(<name> LABEL label [ALONE] [SOURCES f...] [LINK target...] [TIMEOUT seconds])
# makes one GoogleTest binary <name>_test in build/tests and registers it as one ctest entry. The
# target tests_<label> builds all tests of a label. ALONE: it measures times that another test beside
# it would change.
function(restored_test name)
  cmake_parse_arguments(ARG "ALONE" "LABEL;TIMEOUT" "SOURCES;LINK" ${ARGN})
  add_executable(${name}_test ${ARG_SOURCES})
  set_target_properties(${name}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_link_libraries(${name}_test PRIVATE ${ARG_LINK} restored_test_support GTest::gtest GTest::gmock GTest::gtest_main)
  if(NOT TARGET tests_${ARG_LABEL})
    add_custom_target(tests_${ARG_LABEL})
  endif()
  add_dependencies(tests_${ARG_LABEL} ${name}_test)
  add_test(NAME ${name} COMMAND ${name}_test)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT}
                       RUN_SERIAL ${ARG_ALONE})
endfunction()
