/* Thin fakes of Zephyr's headers for tests on a host: what the module uses, declared as Zephyr does. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
