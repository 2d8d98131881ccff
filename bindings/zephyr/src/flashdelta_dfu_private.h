/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the sources of the module share. */
#ifndef FLASHDELTA_DFU_PRIVATE_H
#define FLASHDELTA_DFU_PRIVATE_H

#include "flashdelta_dfu.h"

/* Later versions of Zephyr have another name for it. */
#if defined(PARTITION_ID)
#define FLASHDELTA_DFU_SLOT1 PARTITION_ID(slot1_partition)
#else
#define FLASHDELTA_DFU_SLOT1 FIXED_PARTITION_ID(slot1_partition)
#endif

/* How far a struct flashdelta_dfu is. */
enum { FLASHDELTA_DFU_NONE, FLASHDELTA_DFU_HEADER, FLASHDELTA_DFU_RUNNING };

/* ---- flashdelta_dfu_area.c: flash areas ---- */

/* Opens an area, all of it, and finds out how it is erased and written. */
int flashdelta_dfu_area_open(struct flashdelta_dfu_area *area, uint8_t id);

int flashdelta_dfu_area_read(const struct flashdelta_dfu_area *area, uint32_t offset, void *to,
			     size_t len);
int flashdelta_dfu_area_write(const struct flashdelta_dfu_area *area, uint32_t offset,
			      const void *from, size_t len);
int flashdelta_dfu_area_erase(const struct flashdelta_dfu_area *area, uint32_t offset);

/*
 * Remembers what went wrong with an area: when it suspends and resumes, the library only tells that
 * something did.
 */
static inline int32_t flashdelta_dfu_noted(struct flashdelta_dfu *dfu, int err)
{
	if (err != 0) {
		dfu->area_error = err;
	}
	return err;
}

/* Erases the sectors from `from` to `to` of the whole flash area that are not blank, last first. */
int flashdelta_dfu_area_clear(const struct flashdelta_dfu_area *area, uint32_t from, uint32_t to);

/* ---- flashdelta_dfu_mcuboot.c: what MCUboot wants ---- */

/* Leaves out of the new area what is MCUboot's. */
int flashdelta_dfu_fit_mcuboot(struct flashdelta_dfu *dfu);

/* Takes back what MCUboot was asked for, if anything, so that it may be asked again. */
int flashdelta_dfu_clear_mcuboot(const struct flashdelta_dfu *dfu);

/* Asks MCUboot to try the new image. */
int flashdelta_dfu_hand_over(const struct flashdelta_dfu *dfu);

/* ---- flashdelta_dfu.c ---- */

/* Makes the applier; `buffer` bytes of the memory are for checking chunks. */
int flashdelta_dfu_make_applier(struct flashdelta_dfu *dfu, size_t buffer);

/* The update is as if it had just begun. */
int flashdelta_dfu_restart(struct flashdelta_dfu *dfu);

/* Other threads run. */
void flashdelta_dfu_pause(void);

/* What the applier says, as this module says it. */
int flashdelta_dfu_of_applier(struct flashdelta_dfu *dfu, flashdelta_status status);

#if defined(CONFIG_FLASHDELTA_SIGNATURES)
/* How much of the memory the patch needs for its chunks, as far as its header tells. */
size_t flashdelta_dfu_guard_buffer(const struct flashdelta_dfu *dfu);
#endif

/* ---- flashdelta_dfu_suspend.c ---- */

/* Opens the area for suspended updates. */
int flashdelta_dfu_open_kept(struct flashdelta_dfu *dfu,
			     const struct flashdelta_dfu_config *config);

/* Forgets what another update has left there. */
void flashdelta_dfu_forget(struct flashdelta_dfu *dfu);

/* The update has ended, with this: forgets it, unless going on would mend what is wrong. */
void flashdelta_dfu_forget_at_end(struct flashdelta_dfu *dfu, int err);

#endif
