/*
 * The module over a fake of Zephyr and a strict NOR flash: updates without a reset in the middle.
 *
 *     test_dfu FOLDER [SIGNED]
 *
 * FOLDER is what prepare.py has made, SIGNED is testdata/signed.
 */
#include "dfu.h"

#include <zephyr/sys/util.h>

static void an_update_is_tried_and_confirmed(void)
{
	const size_t pieces[] = {1, 61, 1460, 1 << 20};

	for (size_t i = 0; i < UNIT_COUNT; i++) {
		for (size_t piece = 0; piece < 4; piece++) {
			start(UNITS[i]);
			CHECK_STATUS(run(NULL, update, pieces[piece]), 0);
			CHECK(is_in_slot1(new_image) && fake.upgrades == 1 && fake.pauses > 0);
			CHECK(fake.flash.erases <= new_image.len / FAKE_SECTOR + 4);
			CHECK(becomes_new());
			CHECK_STATUS(flashdelta_dfu_confirm(), 0);
			fake_reset();
			CHECK(runs(new_image));
			fake_stop();
		}
	}
	/* A new image that does not confirm itself is gone after the next reset. */
	start(8);
	CHECK_STATUS(run(NULL, update, 100), 0);
	CHECK(becomes_new());
	/* Until then slot 1 is what MCUboot goes back to. */
	CHECK_STATUS(run(NULL, update, 100), -EBUSY);
	CHECK(stays_old());
	fake_stop();
}

/* Each step reads and writes little, and a step takes what it can. */
static void steps_are_short(void)
{
	size_t at = 0, steps = 0;
	int err = -EAGAIN;

	start(4);
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, NULL), 0);
	while (err == -EAGAIN) {
		size_t taken = 0;

		fake.since_pause = 0;
		err = flashdelta_dfu_step(&dfu, update.bytes + at, update.len - at, &taken);
		at += taken;
		steps++;
	}
	CHECK_STATUS(err, 0);
	CHECK(at == update.len && steps > 2 * new_image.len / CONFIG_FLASHDELTA_STEP);
	/* A sector that is compared, written and copied, and what a step may go beyond. */
	CHECK(fake.most_between_pauses < CONFIG_FLASHDELTA_STEP + 2 * FAKE_SECTOR);
	CHECK(flashdelta_dfu_progress(&dfu).done == 1);
	CHECK_STATUS(flashdelta_dfu_finish(&dfu), 0);
	CHECK(becomes_new());
	fake_stop();
}

/* Before the first write. */
static void what_does_not_fit_changes_nothing(const char *folder)
{
	const struct {
		const char *patch;
		int expected;
	} cases[] = {
		{"wrong_base.fdp", FLASHDELTA_ERR_OLD_MISMATCH},
		{"large.fdp", FLASHDELTA_ERR_WORKSPACE_TOO_SMALL},
		{"too_long.fdp", FLASHDELTA_ERR_NEW_TOO_LONG},
		{"old.bin", FLASHDELTA_ERR_NOT_A_PATCH},
	};
	const flashdelta_device device = {1, 1, 0, 1};
	struct flashdelta_dfu_config config = defaults();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const blob patch = load(folder, cases[i].patch);

		for (size_t piece = 1; piece <= patch.len; piece *= 71) {
			start(8);
			CHECK_STATUS(flashdelta_dfu_begin(&dfu, NULL), 0);
			CHECK_STATUS(feed(patch, 0, patch.len, piece), cases[i].expected);
			CHECK(flashdelta_dfu_last_error(&dfu).status == cases[i].expected);
			CHECK_STATUS(flashdelta_dfu_feed(&dfu, patch.bytes, 1), cases[i].expected);
			CHECK_STATUS(flashdelta_dfu_finish(&dfu), cases[i].expected);
			CHECK(is_untouched() && stays_old());
			fake_stop();
		}
		free(patch.bytes);
	}
	/* The running image is another one than it was thought to be. */
	start(8);
	fake.flash.bytes[1000] ^= 1;
	CHECK_STATUS(run(NULL, update, 100), FLASHDELTA_ERR_OLD_MISMATCH);
	fake.flash.bytes[1000] ^= 1;
	config.device = &device;
	CHECK_STATUS(run(&config, update, 100), FLASHDELTA_ERR_NO_IDENTITY);
	CHECK(is_untouched() && stays_old());
	fake_stop();
}

static void a_damaged_patch_is_never_tried(void)
{
	blob part = update;

	for (size_t i = 0; i < update.len; i += 53) {
		int err;

		start(UNITS[i % UNIT_COUNT]);
		part.len = i;
		CHECK_STATUS(run(NULL, part, 100), FLASHDELTA_ERR_TRUNCATED);
		CHECK(fake.upgrades == 0 && stays_old());
		update.bytes[i] ^= 0x10;
		err = run(NULL, update, 100);
		update.bytes[i] ^= 0x10;
		CHECK(err == 0 ? becomes_new() : fake.upgrades == 0 && stays_old());
		fake_stop();
	}
}

/* Padding is an error, however it arrives, and nothing is tried; or it is ignored. */
static void padding_is_an_error_or_ignored(void)
{
	blob padded = {NULL, update.len + 100};

	padded.bytes = calloc(1, padded.len);
	memcpy(padded.bytes, update.bytes, update.len);
	for (size_t piece = 1; piece < 5000; piece = piece * 9 + 2) {
		struct flashdelta_dfu_config config = defaults();

		start(8);
		CHECK_STATUS(run(&config, padded, piece), FLASHDELTA_ERR_TRAILING_INPUT);
		CHECK(fake.upgrades == 0);
		config.ignore_trailing = true;
		CHECK_STATUS(run(&config, padded, piece), 0);
		CHECK(becomes_new());
		fake_stop();
	}
	free(padded.bytes);
}

/* From one area for data to another: MCUboot is told nothing, and all of the area is used. */
static void data_takes_turns(const char *folder)
{
	const blob patch = load(folder, "update.fdp");
	struct flashdelta_dfu_config config = defaults();

	start(4);
	fake.areas[FAKE_suspend_partition].fa_off = fake.areas[FAKE_slot1_partition].fa_off;
	fake.areas[FAKE_suspend_partition].fa_size = FAKE_SLOT;
	config.is_data = true;
	CHECK_STATUS(run(&config, patch, 100), -EINVAL); /* slot 1 holds images */
	config.new_area = FAKE_suspend_partition;
	CHECK_STATUS(run(&config, patch, 100), 0);
	CHECK(flashdelta_dfu_capacity(&dfu) == FAKE_SLOT);
	CHECK(is_in_slot1(new_image) && fake.upgrades == 0);
	config.new_area = FAKE_slot0_partition; /* runs */
	config.old_area = FAKE_suspend_partition;
	CHECK_STATUS(run(&config, patch, 100), -EINVAL);
	fake_stop();
	free(patch.bytes);
}

static void begin_refuses_what_would_go_wrong(void)
{
	struct flashdelta_dfu_config config = defaults();
	size_t taken;

	start(4);
	CHECK_STATUS(flashdelta_dfu_begin(NULL, NULL), -EINVAL);
	config.new_area = FAKE_slot0_partition;
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), -EINVAL);
	config.new_area = FAKE_store_partition; /* no slot of MCUboot's */
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), -EINVAL);
	config = defaults();
	config.old_area = FAKE_slot1_partition;
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), -EINVAL);
	config.old_area = FAKE_AREAS;
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), -ENOENT);
	config = defaults();
	fake.erased = 0; /* STM32L0 */
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), -ENOTSUP);
	fake.erased = 0xff;
	fake.areas[FAKE_slot1_partition].fa_size = FAKE_SECTOR;
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), -ENOSPC);
	fake.areas[FAKE_slot1_partition].fa_size = FAKE_SLOT - 100;
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), -ENOTSUP);
	fake.areas[FAKE_slot1_partition].fa_size = FAKE_SLOT;
	fake.areas[FAKE_slot1_partition].fa_off += 100;
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), -ENOTSUP);
	fake.areas[FAKE_slot1_partition].fa_off -= 100;
	/* Nothing has begun: there is nothing to feed, or to end. */
	memset(&dfu, 0, sizeof(dfu));
	CHECK_STATUS(flashdelta_dfu_feed(&dfu, update.bytes, 1), -EINVAL);
	CHECK_STATUS(flashdelta_dfu_finish(&dfu), -EINVAL);
	flashdelta_dfu_abort(&dfu);
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), 0);
	CHECK_STATUS(flashdelta_dfu_feed(&dfu, NULL, 1), -EINVAL);
	CHECK_STATUS(flashdelta_dfu_feed(&dfu, NULL, 0), 0);
	CHECK_STATUS(flashdelta_dfu_step(&dfu, NULL, 0, NULL), -EINVAL);
	CHECK_STATUS(flashdelta_dfu_step(&dfu, NULL, 0, &taken), 0);
	CHECK_STATUS(flashdelta_dfu_finish(&dfu), FLASHDELTA_ERR_TRUNCATED);
	CHECK(is_untouched());
	fake_stop();
}

/* Small pages that make up a sector together are erased as one; others are refused. */
static void pages_may_differ(void)
{
	start(4);
	fake.page_of = FAKE_SECTOR / 4;
	fake.small_until = FAKE_SECTOR;
	CHECK_STATUS(run(NULL, update, 100), 0);
	CHECK(becomes_new());
	fake_stop();
	start(4);
	fake.page_of = 3 * FAKE_SECTOR;
	fake.small_until = 3 * FAKE_SECTOR;
	CHECK_STATUS(run(NULL, update, 100), -ENOTSUP);
	CHECK(is_untouched());
	fake_stop();
}

/* No image comes near what MCUboot keeps at the end of a slot: that is as long as imgtool says. */
static void mcuboots_trailer_is_left_out(void)
{
	static const struct {
		uint32_t unit;
		uint32_t sectors;
		int overwrites;
		uint32_t trailer;
	} cases[] = {
#include "trailers.inc"
	};
	const int overwrites = IS_ENABLED(CONFIG_MCUBOOT_BOOTLOADER_MODE_OVERWRITE_ONLY);
	const bool swaps_by_scratch = IS_ENABLED(CONFIG_MCUBOOT_BOOTLOADER_MODE_SWAP_SCRATCH);
	const bool needs_sector = !overwrites && !swaps_by_scratch;
	size_t seen = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint32_t len = cases[i].sectors * FAKE_SECTOR;

		if (cases[i].overwrites != overwrites) {
			continue;
		}
		start(cases[i].unit);
		fake.areas[FAKE_slot0_partition].fa_size = len;
		fake.areas[FAKE_slot1_partition].fa_size = len;
		CHECK_STATUS(flashdelta_dfu_begin(&dfu, NULL), 0);
		CHECK(flashdelta_dfu_capacity(&dfu) ==
		      len - ROUND_UP(cases[i].trailer, FAKE_SECTOR) -
			      (needs_sector ? FAKE_SECTOR : 0));
		fake_stop();
		seen++;
	}
	CHECK(seen == 18);
}

/* One access fails, and those after it work again: what does not say 0 is not tried. */
static void no_failing_call_is_overlooked(void)
{
	long calls;
	int failures_seen = 0;

	start(8);
	CHECK_STATUS(run(NULL, update, 1000), 0);
	calls = fake.calls;
	fake_stop();
	for (long n = 1; n <= calls; n += n < calls - 12 ? 1 + n / 20 : 1) {
		int err;

		start(8);
		fake.fail_at = n;
		err = run(NULL, update, 1000);
		/* What cannot be read before it is erased is erased: that is no error. */
		CHECK(err == 0 ? becomes_new() : stays_old());
		CHECK(err == 0 || err == -EIO || err == -EFAULT);
		failures_seen += err != 0;
		fake_stop();
	}
	CHECK(failures_seen > 20);
}

#if defined(CONFIG_FLASHDELTA_SIGNATURES)

#include "flashdelta_psa.h"

static flashdelta_psa_key known[1];
static const flashdelta_psa trusted = {known, 1};

static void forged_patches_change_nothing(const char *folder)
{
	const blob good = load(folder, "signed.fdp"), stranger = load(folder, "stranger.fdp");
	struct flashdelta_dfu_config config = defaults();
	int mended = 0, refused = 0;

	config.keys = &trusted;
	start(8);
	CHECK_STATUS(run(&config, stranger, 100), FLASHDELTA_ERR_UNKNOWN_KEY);
	CHECK_STATUS(run(&config, update, 100), FLASHDELTA_ERR_UNSIGNED);
	CHECK(is_untouched());
	CHECK_STATUS(run(&config, good, 100), 0);
	CHECK(becomes_new());
	fake_stop();
	/* Whatever byte is changed: it is refused before the first write, or asked for again. */
	for (size_t at = 0; at < good.len; at += 17) {
		int err;

		start(8);
		CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), 0);
		good.bytes[at] ^= 4;
		err = feed(good, 0, good.len, 64);
		good.bytes[at] ^= 4;
		if (err == FLASHDELTA_ERR_WRONG_CHUNK) {
			const size_t next = flashdelta_dfu_next(&dfu);

			CHECK(next > 0 && next <= at);
			CHECK_STATUS(feed(good, next, good.len, 64), 0);
			CHECK_STATUS(flashdelta_dfu_finish(&dfu), 0);
			CHECK(becomes_new());
			mended++;
		} else {
			CHECK(err > 0 && is_untouched());
			CHECK_STATUS(flashdelta_dfu_finish(&dfu), err);
			CHECK(stays_old());
			refused++;
		}
		fake_stop();
	}
	CHECK(mended > 100 && refused > 5);
	free(stranger.bytes);
	free(good.bytes);
}

static void signatures(const char *folder, const char *keys)
{
	const blob point = load(keys, "p256.point");

	CHECK(psa_crypto_init() == PSA_SUCCESS);
	CHECK(flashdelta_psa_import_p256(&known[0], point.bytes) == PSA_SUCCESS);
	forged_patches_change_nothing(folder);
	mbedtls_psa_crypto_free();
	free(point.bytes);
}

#else

/* Fail closed: keys that nobody looks at are an error. */
static void signatures(const char *folder, const char *keys)
{
	struct flashdelta_dfu_config config = defaults();

	config.keys = (const struct flashdelta_psa *)folder;
	start(8);
	CHECK_STATUS(run(&config, update, 100), -ENOTSUP);
	CHECK(is_untouched() && keys != NULL);
	fake_stop();
}

#endif

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: test_dfu FOLDER SIGNED\n");
		return 2;
	}
	load_all(argv[1]);
	an_update_is_tried_and_confirmed();
	steps_are_short();
	what_does_not_fit_changes_nothing(argv[1]);
	a_damaged_patch_is_never_tried();
	padding_is_an_error_or_ignored();
	data_takes_turns(argv[1]);
	begin_refuses_what_would_go_wrong();
	pages_may_differ();
	mcuboots_trailer_is_left_out();
	no_failing_call_is_overlooked();
	signatures(argv[1], argv[2]);
	free_all();
	return summary("test_dfu");
}
