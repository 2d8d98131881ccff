/* Every function of the library for devices, kept by the linker: it links only if none of them can panic (feature prove-panic-free). Never run. */
#include <flashdelta_apply.h>

typedef void (*function)(void);

function flashdelta_roots[40];

#ifdef A_PANIC
void flashdelta_panic(uint32_t number);
#endif

int main(void) {
    flashdelta_roots[0] = (function)flashdelta_strerror;
    flashdelta_roots[1] = (function)flashdelta_applier_init;
    flashdelta_roots[2] = (function)flashdelta_applier_feed;
    flashdelta_roots[3] = (function)flashdelta_applier_finish;
    flashdelta_roots[4] = (function)flashdelta_applier_abort;
    flashdelta_roots[5] = (function)flashdelta_applier_last_error;
    flashdelta_roots[6] = (function)flashdelta_workspace_len;
    flashdelta_roots[7] = (function)flashdelta_read_patch_info;
#ifdef RECEIVE
    flashdelta_roots[8] = (function)flashdelta_store_open;
    flashdelta_roots[9] = (function)flashdelta_store_offer;
    flashdelta_roots[10] = (function)flashdelta_store_put;
    flashdelta_roots[11] = (function)flashdelta_store_put_combined;
    flashdelta_roots[12] = (function)flashdelta_store_read_info;
    flashdelta_roots[13] = (function)flashdelta_store_missing;
    flashdelta_roots[14] = (function)flashdelta_store_status;
    flashdelta_roots[15] = (function)flashdelta_store_read;
    flashdelta_roots[16] = (function)flashdelta_store_feed;
    flashdelta_roots[17] = (function)flashdelta_store_clear;
    flashdelta_roots[18] = (function)flashdelta_store_needs;
    flashdelta_roots[36] = (function)flashdelta_store_header;
#endif
#ifdef SUSPEND
    flashdelta_roots[19] = (function)flashdelta_applier_feed_within;
    flashdelta_roots[20] = (function)flashdelta_applier_suspend;
    flashdelta_roots[21] = (function)flashdelta_applier_suspension_len;
    flashdelta_roots[22] = (function)flashdelta_applier_resume;
#ifdef RECEIVE
    flashdelta_roots[35] = (function)flashdelta_store_feed_within;
#endif
#endif
#ifdef SETS
    flashdelta_roots[23] = (function)flashdelta_set_init;
    flashdelta_roots[24] = (function)flashdelta_set_feed;
    flashdelta_roots[25] = (function)flashdelta_set_is_checked;
    flashdelta_roots[26] = (function)flashdelta_set_read_info;
    flashdelta_roots[27] = (function)flashdelta_set_next;
    flashdelta_roots[28] = (function)flashdelta_set_begin;
    flashdelta_roots[29] = (function)flashdelta_set_component_feed;
    flashdelta_roots[30] = (function)flashdelta_set_component_finish;
    flashdelta_roots[31] = (function)flashdelta_set_component_abort;
    flashdelta_roots[32] = (function)flashdelta_set_finish;
    flashdelta_roots[33] = (function)flashdelta_set_recover;
    flashdelta_roots[34] = (function)flashdelta_set_last_error;
#endif
#if defined SETS && defined SUSPEND
    flashdelta_roots[35] = (function)flashdelta_set_feed_within;
    flashdelta_roots[36] = (function)flashdelta_set_component_feed_within;
    flashdelta_roots[37] = (function)flashdelta_set_finish_step;
#endif
#ifdef A_PANIC
    flashdelta_roots[39] = (function)flashdelta_panic;
#endif
    return 0;
}
