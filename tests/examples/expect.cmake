# Included by the tests of programs: runs them in an empty folder of their own.
get_filename_component(name ${CMAKE_PARENT_LIST_FILE} NAME_WE)
file(REAL_PATH scratch_${name} folder BASE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
file(REMOVE_RECURSE ${folder})
file(MAKE_DIRECTORY ${folder})

# expect(code output-regex error-regex program arguments...): leaves what was printed in `printed`.
function(expect code output error)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${folder} RESULT_VARIABLE result OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(NOT result EQUAL code OR NOT out MATCHES "${output}" OR NOT err MATCHES "${error}")
    message(SEND_ERROR "${ARGN}\nexit ${result}, expected ${code}\nstdout, expected ${output}:\n${out}\nstderr, expected ${error}:\n${err}")
  endif()
  set(printed "${out}" PARENT_SCOPE)
endfunction()
