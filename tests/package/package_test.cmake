# cmake -DBUILD=<build folder> -DSOURCE=<checkout> -P package_test.cmake: a consumer builds against the installed package, and with the
# sources as a subdirectory.
cmake_minimum_required(VERSION 3.23)
file(REAL_PATH package folder BASE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
file(REMOVE_RECURSE ${folder})
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()
function(build_consumer name)
  run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${folder}/${name} -G Ninja ${ARGN})
  run(${CMAKE_COMMAND} --build ${folder}/${name})
  run(${CMAKE_CTEST_COMMAND} --test-dir ${folder}/${name} --output-on-failure --no-tests=error)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${folder}/installed)
build_consumer(installed -DCMAKE_PREFIX_PATH=${folder}/installed)
build_consumer(subdirectory -DATTNSCOPE_SOURCE=${SOURCE})
