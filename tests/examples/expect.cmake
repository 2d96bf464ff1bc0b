# Included by the tests of programs: runs them in an empty folder of their own.
get_filename_component(name ${CMAKE_PARENT_LIST_FILE} NAME_WE)
file(REAL_PATH scratch_${name} folder BASE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
file(REMOVE_RECURSE ${folder})
file(MAKE_DIRECTORY ${folder})

# expect(code output-regex error-regex program arguments...): leaves what was printed in `printed`.
function(expect code output error)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${folder} RESULT_VARIABLE result OUTPUT_VARIABLE out ERROR_VARIABLE err)
  string(REGEX REPLACE "[^\n]* \\.\\.\\.\n" "" err "${err}")  # how far it is, where that takes more than a second
  if(NOT result EQUAL code OR NOT out MATCHES "${output}" OR NOT err MATCHES "${error}")
    message(SEND_ERROR "${ARGN}\nexit ${result}, expected ${code}\nstdout, expected ${output}:\n${out}\nstderr, expected ${error}:\n${err}")
  endif()
  set(printed "${out}" PARENT_SCOPE)
endfunction()
# Two files of the folder are the same to the byte.
function(expect_same one two)
  execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${one} ${two} WORKING_DIRECTORY ${folder} RESULT_VARIABLE differ)
  if(differ)
    message(SEND_ERROR "${one} and ${two} differ")
  endif()
endfunction()
# Three texts again and again, in the folder dumps.
function(make_corpus)
  foreach(number RANGE 10 29)
    math(EXPR which "${number} % 3")
    set(texts cat alice pride)
    list(GET texts ${which} text)
    configure_file(${DATA}/use_lite_${text}.safetensors ${folder}/dumps/${number}.safetensors COPYONLY)
  endforeach()
endfunction()
