# For ports that are built with CMake (esp32, rp2): -DUSER_C_MODULES=.../micropython.cmake
# -DFLASHDELTA_APPLY=.../libflashdelta_apply.a, built for the same processor.
add_library(usermod_flashdelta INTERFACE)
target_sources(usermod_flashdelta INTERFACE ${CMAKE_CURRENT_LIST_DIR}/flashdelta_glue.c)
target_include_directories(usermod_flashdelta INTERFACE ${CMAKE_CURRENT_LIST_DIR}/../../c/include)
target_link_libraries(usermod_flashdelta INTERFACE ${FLASHDELTA_APPLY})
target_link_libraries(usermod INTERFACE usermod_flashdelta)
