# openapi.json as string literals for openapi.cc, in every build that has restored_control. It is
# ASCII, so it may be cut anywhere.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/openapi.json")
file(READ "${CMAKE_CURRENT_LIST_DIR}/openapi.json" openapi)
string(LENGTH "${openapi}" openapi_bytes)
set(openapi_parts "")
foreach(begin RANGE 0 ${openapi_bytes} 16000)
  string(SUBSTRING "${openapi}" ${begin} 16000 part)
  string(APPEND openapi_parts "R\"openapi(${part})openapi\"sv,\n")
endforeach()
configure_file("${CMAKE_CURRENT_LIST_DIR}/openapi_parts.inc.in" "${CMAKE_BINARY_DIR}/openapi/openapi_parts.inc" @ONLY)
target_include_directories(restored_control PRIVATE "${CMAKE_BINARY_DIR}/openapi")
