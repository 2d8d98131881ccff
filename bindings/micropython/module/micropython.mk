# For ports that are built with make: USER_C_MODULES=.../bindings/micropython, and
# FLASHDELTA_APPLY=.../libflashdelta_apply.a, built for the same processor.
FLASHDELTA_MODULE := $(USERMOD_DIR)
SRC_USERMOD_C += $(FLASHDELTA_MODULE)/flashdelta_glue.c
CFLAGS_USERMOD += -I$(FLASHDELTA_MODULE)/../../c/include
LDFLAGS_USERMOD += $(FLASHDELTA_APPLY)
