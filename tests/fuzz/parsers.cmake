# The parsers alone, and what they need, under the names of the libraries that they belong to: an
# instrumented build of everything would take longer than all of the fuzzing.

# parser_library(<module's folder> SOURCES f... [LINK target...])
function(parser_library folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  get_filename_component(name ${folder} NAME)
  set(root "${CMAKE_BINARY_DIR}/include/${name}")
  file(MAKE_DIRECTORY "${root}")
  file(CREATE_LINK "${CMAKE_SOURCE_DIR}/${folder}" "${root}/${name}" SYMBOLIC)
  list(TRANSFORM ARG_SOURCES PREPEND "${CMAKE_SOURCE_DIR}/${folder}/")
  if(ARG_SOURCES)
    add_library(restored_${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(restored_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(restored_${name} ${scope} "${root}" "${CMAKE_SOURCE_DIR}/include")
  target_link_libraries(restored_${name} ${scope} ${ARG_LINK})
endfunction()

foreach(folder engine/base engine/seal engine/format engine/net agent/config agent/control)
  get_filename_component(name ${folder} NAME)
  file(GLOB ${name}_sources CONFIGURE_DEPENDS RELATIVE "${CMAKE_SOURCE_DIR}/${folder}"
       "${CMAKE_SOURCE_DIR}/${folder}/*.cc")
endforeach()
list(REMOVE_ITEM control_sources server.cc listener.cc)

parser_library(engine/base
  SOURCES ${base_sources}
  LINK fmt::fmt Threads::Threads spdlog::spdlog OpenSSL::Crypto)
parser_library(engine/io SOURCES directory_maker.cc errno_error.cc file_system.cc posix_file.cc secret_file.cc
  LINK restored_base)
parser_library(engine/seal SOURCES ${seal_sources} LINK restored_base OpenSSL::Crypto)
parser_library(engine/format SOURCES ${format_sources}
  LINK restored_base restored_seal PkgConfig::ZSTD PkgConfig::XXHASH Boost::json OpenSSL::Crypto)
parser_library(engine/net SOURCES ${net_sources} LINK restored_base Boost::headers OpenSSL::SSL)
parser_library(engine/store
  SOURCES credential_places.cc http_date.cc instance_metadata.cc object_key.cc percent_encoding.cc
          s3_location.cc s3_signer.cc s3_trouble.cc s3_xml.cc shared_config.cc xml_reader.cc
  LINK restored_base restored_net restored_io OpenSSL::Crypto EXPAT::EXPAT Boost::json)
parser_library(engine/pipeline SOURCES "" LINK restored_base restored_io restored_format)
parser_library(engine/catalog SOURCES catalog_record.cc LINK restored_base Boost::json)
parser_library(engine/registry SOURCES json_fields.cc records.cc request_records.cc secret.cc
  LINK restored_base restored_catalog restored_format OpenSSL::Crypto Boost::json)
parser_library(engine/restore SOURCES journal.cc
  LINK restored_base restored_io restored_format restored_pipeline PkgConfig::XXHASH)
parser_library(agent/config SOURCES ${config_sources}
  LINK restored_base tomlplusplus::tomlplusplus)
parser_library(agent/data SOURCES glob.cc numbers.cc resp_parser.cc LINK restored_base)
parser_library(agent/control SOURCES ${control_sources}
  LINK restored_base restored_seal Boost::headers Boost::json)
include("${CMAKE_SOURCE_DIR}/agent/control/openapi.cmake")

# Coroutines and Beast, instrumented: half a minute of optimising for what waits for a socket anyway.
set_source_files_properties("${CMAKE_SOURCE_DIR}/agent/control/session.cc" targets/http_request.cc
                            PROPERTIES COMPILE_OPTIONS -O0)
