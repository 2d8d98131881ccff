/* What a board has to bring; see ../boards and semihosting.c. */
#ifndef GUEST_H
#define GUEST_H

#include <stddef.h>
#include <stdint.h>

/* Time or instructions, in the board's unit. */
uint64_t ticks(void);
void *stack_pointer(void);
_Noreturn void board_exit(uint32_t status);
/* Writes a file on the host; 0 is success. */
int board_write_file(const char *name, size_t name_len, const void *data, size_t len);

#endif
