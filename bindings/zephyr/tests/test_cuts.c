/*
 * The module over a fake of Zephyr and a strict NOR flash: power cuts, and updates that go on.
 *
 *     test_cuts FOLDER SIGNED
 */
#include "dfu.h"

/* Cut at the nth write or erase, that many sixteenths into it. */
static void cut_at(long n)
{
	fake.flash.random = (uint32_t)n;
	fake.flash.cut_after = n;
	fake.flash.cut_at = (uint32_t)n % 17;
}

static long operations_of_an_update(uint32_t unit)
{
	long operations;

	start(unit);
	CHECK_STATUS(run(NULL, update, 1000), 0);
	operations = (long)(fake.flash.erases + fake.flash.writes);
	fake_stop();
	return operations;
}

/*
 * At every flash operation of an update, the one that tells MCUboot included: the device starts one
 * of both images, and the update starts again. Sectors that were finished are left alone.
 */
static void power_cuts_do_no_harm(void)
{
	const uint32_t first = FAKE_SLOT / FAKE_SECTOR;
	uint32_t wear[FAKE_FLASH / FAKE_SECTOR];

	for (size_t i = 0; i < UNIT_COUNT; i++) {
		const long operations = operations_of_an_update(UNITS[i]);
		const long step = UNITS[i] == 8 ? 1 : 9; /* and all at the end */

		CHECK(operations > 100);
		for (long n = 1; n <= operations; n += n < operations - step ? step : 1) {
			uint32_t sector;
			int err;

			start(UNITS[i]);
			cut_at(n);
			err = run(NULL, update, 1000);
			CHECK(err == -EIO || err == -EFAULT);
			nor_power_on(&fake.flash);
			memcpy(wear, fake.flash.wear, sizeof(wear));
			if (fake_is_pending()) {
				/* The power went after the last byte for MCUboot was written. */
				CHECK(n == operations && becomes_new());
			} else {
				CHECK(stays_old());
				CHECK_STATUS(run(NULL, update, 1000), 0);
				for (sector = first + dfu.new_area.start / FAKE_SECTOR;
				     sector + 1 < 2 * first - 3 && wear[sector + 1] > 0; sector++) {
					CHECK(fake.flash.wear[sector] == wear[sector]);
				}
				CHECK(becomes_new());
			}
			fake_stop();
		}
	}
}

/* What MCUboot was asked for before is taken back before slot 1 is written, whatever is cut. */
static void an_earlier_request_is_taken_back(blob other)
{
	for (long n = 1; n < 60; n++) {
		start(8);
		CHECK_STATUS(run(NULL, update, 1000), 0);
		CHECK(fake_is_pending());
		cut_at(n);
		CHECK_STATUS(run(NULL, other, 1000), -EIO);
		nor_power_on(&fake.flash);
		/*
		 * Half of an image is never asked for: either it is all there, or MCUboot knows of
		 * nothing.
		 */
		CHECK(!fake_is_pending() || is_in_slot1(new_image));
		fake_stop();
	}
}

/* An update that finds its image there has nothing to do but to tell MCUboot. */
static void what_is_there_is_kept(void)
{
	unsigned long erases, writes;

	start(8);
	CHECK_STATUS(run(NULL, update, 1000), 0);
	erases = fake.flash.erases;
	writes = fake.flash.writes;
	CHECK_STATUS(run(NULL, update, 1000), 0);
	CHECK(fake.flash.erases == erases + 1 && fake.flash.writes == writes + 1);
	CHECK(becomes_new());
	fake_stop();
}

#if defined(CONFIG_FLASHDELTA_SUSPEND)

static struct flashdelta_dfu_config settings(void)
{
	struct flashdelta_dfu_config config = defaults();

	config.suspend_area = FAKE_suspend_partition;
	return config;
}

/* Goes on from where it was, up to before `to`, and suspends; as if the link was lost there. */
static size_t go_on_to(const struct flashdelta_dfu_config *config, blob patch, size_t to)
{
	size_t taken = 0;

	CHECK_STATUS(flashdelta_dfu_resume(&dfu, config, &taken), 0);
	CHECK_STATUS(feed(patch, taken, to, 100), 0);
	CHECK_STATUS(flashdelta_dfu_suspend(&dfu), 0);
	flashdelta_dfu_abort(&dfu);
	memset(&dfu, 0x55, sizeof(dfu)); /* a reset */
	return taken;
}

static int finish(const struct flashdelta_dfu_config *config, blob patch, size_t *taken)
{
	int err = flashdelta_dfu_resume(&dfu, config, taken);

	if (err == 0) {
		err = feed(patch, *taken, patch.len, 100);
	}
	if (err != 0) {
		flashdelta_dfu_abort(&dfu);
		return err;
	}
	return flashdelta_dfu_finish(&dfu);
}

static size_t taken_now(const struct flashdelta_dfu_config *config)
{
	size_t taken = SIZE_MAX;

	CHECK_STATUS(flashdelta_dfu_resume(&dfu, config, &taken), 0);
	flashdelta_dfu_abort(&dfu);
	return taken;
}

/* The link is lost again and again, and no byte of the patch is received twice. */
static void a_dropped_link_costs_nothing(void)
{
	const struct flashdelta_dfu_config config = settings();

	for (size_t i = 0; i < UNIT_COUNT; i++) {
		size_t at = 300, taken = 0;

		start(UNITS[i]);
		CHECK(go_on_to(&config, update, at) == 0);
		for (; at + 400 < update.len; at += 400) {
			CHECK(go_on_to(&config, update, at + 400) == at);
		}
		CHECK_STATUS(finish(&config, update, &taken), 0);
		CHECK(taken == at && becomes_new());
		CHECK_STATUS(flashdelta_dfu_confirm(), 0);
		/* Forgotten: the next one begins. */
		CHECK(taken_now(&config) == 0);
		fake_stop();
	}
}

/* At every flash operation of saving: it is as if this or the one before was the last time. */
static void power_cuts_leave_the_suspension_before(void)
{
	const struct flashdelta_dfu_config config = settings();
	const size_t first = 1000, second = 2000;
	int both = 0;

	for (long n = 1, last = 0; !last; n += 1 + n / 16) {
		size_t taken = 0;

		start(8);
		(void)go_on_to(&config, update, first);
		CHECK_STATUS(flashdelta_dfu_resume(&dfu, &config, &taken), 0);
		CHECK_STATUS(feed(update, taken, second, 100), 0);
		cut_at(n);
		last = flashdelta_dfu_suspend(&dfu) == 0;
		nor_power_on(&fake.flash);
		CHECK_STATUS(finish(&config, update, &taken), 0);
		CHECK(taken == first || taken == second);
		both |= taken == second ? 1 : 2;
		CHECK(becomes_new());
		fake_stop();
	}
	CHECK(both == 3);
}

/*
 * In an update that goes on: it goes on once more, from the same place. Only while the sector that
 * was under way is written again there is nothing to go on with, and the update begins.
 */
static void power_cuts_after_a_suspension_do_no_harm(void)
{
	const struct flashdelta_dfu_config config = settings();
	int gone_on = 0, begun = 0;

	for (long n = 1; n < 400; n += 1 + n / 16) {
		size_t taken = 0;
		int err;

		start(UNITS[n % UNIT_COUNT]);
		(void)go_on_to(&config, update, 1000);
		cut_at(n);
		err = finish(&config, update, &taken);
		CHECK(err == 0 || err == -EIO || err == -EFAULT);
		nor_power_on(&fake.flash);
		if (err != 0 && !fake_is_pending()) {
			CHECK_STATUS(finish(&config, update, &taken), 0);
			CHECK(taken == 1000 || taken == 0);
			gone_on += taken == 1000;
			begun += taken == 0;
		}
		CHECK(becomes_new());
		fake_stop();
	}
	CHECK(gone_on > 3 * begun);
}

static void another_world_is_begun_anew(blob other)
{
	const flashdelta_device device = {1, 1, 0, 1};
	struct flashdelta_dfu_config config = settings();
	size_t taken = 0;
	int err;

	/* The old image is another one; the device says who it is. */
	start(8);
	(void)go_on_to(&config, update, 1000);
	fake.flash.bytes[100] ^= 1;
	CHECK(taken_now(&config) == 0);
	fake.flash.bytes[100] ^= 1;
	(void)go_on_to(&config, update, 1000);
	config.device = &device;
	CHECK(taken_now(&config) == 0);
	config.device = NULL;
	/* The rest is of another patch: that is found out, and not tried again and again. */
	(void)go_on_to(&config, update, 1000);
	err = finish(&config, other, &taken);
	CHECK(err > 0 && taken == 1000 && fake.upgrades == 0);
	CHECK_STATUS(finish(&config, update, &taken), 0);
	CHECK(taken == 0 && becomes_new());
	fake_stop();
	/* What is begun takes the place of what was saved; what is refused does not. */
	start(8);
	(void)go_on_to(&config, update, 1000);
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), 0);
	CHECK_STATUS(flashdelta_dfu_feed(&dfu, "no patch", 8), FLASHDELTA_ERR_NOT_A_PATCH);
	flashdelta_dfu_abort(&dfu);
	CHECK(taken_now(&config) == 1000);
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), 0);
	CHECK_STATUS(feed(update, 0, 2000, 100), 0);
	flashdelta_dfu_abort(&dfu);
	CHECK(taken_now(&config) == 0);
	fake_stop();
}

/*
 * A read that fails may pass, so what was saved is kept; a failed write is said, and does no harm.
 */
static void no_failing_call_is_overlooked(void)
{
	const struct flashdelta_dfu_config config = settings();
	long calls = 1;
	int failed = 0;

	for (long n = 1; n <= calls; n += 1 + n / 20) {
		size_t taken = 0;
		long before;
		int err;

		start(8);
		(void)go_on_to(&config, update, 1000);
		before = fake.calls;
		fake.fail_at = n > 1 ? before + n : 0;
		err = flashdelta_dfu_resume(&dfu, &config, &taken);
		calls = n > 1 ? calls : fake.calls - before;
		fake.fail_at = 0;
		CHECK(err == 0 || err == -EIO);
		failed += err != 0;
		if (err == 0) {
			before = fake.calls;
			fake.fail_at = before + n;
			err = flashdelta_dfu_suspend(&dfu);
			CHECK(err == 0 || err == -EIO);
		}
		flashdelta_dfu_abort(&dfu);
		fake.fail_at = 0;
		CHECK_STATUS(finish(&config, update, &taken), 0);
		CHECK(taken == 1000 && becomes_new());
		fake_stop();
	}
	CHECK(calls > 20 && failed > 20);
}

static void wrong_areas_are_refused(void)
{
	struct flashdelta_dfu_config config = settings();
	size_t taken;

	start(8);
	CHECK_STATUS(flashdelta_dfu_resume(&dfu, NULL, &taken), -EINVAL);
	config.suspend_area = FAKE_slot1_partition;
	CHECK_STATUS(flashdelta_dfu_resume(&dfu, &config, &taken), -EINVAL);
	config.suspend_area = FLASHDELTA_DFU_NO_AREA;
	CHECK_STATUS(flashdelta_dfu_resume(&dfu, &config, &taken), -EINVAL);
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), 0);
	CHECK_STATUS(flashdelta_dfu_suspend(&dfu), -EINVAL);
	config = settings();
	fake.areas[FAKE_suspend_partition].fa_size = 3 * FAKE_SECTOR;
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), -EINVAL);
	/* Too small for what is to be kept: the update goes on. */
	fake.areas[FAKE_suspend_partition].fa_size = 2 * FAKE_SECTOR;
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, &config), 0);
	CHECK_STATUS(feed(update, 0, 20, 20), 0);
	CHECK(flashdelta_dfu_next(&dfu) == 20);
	CHECK_STATUS(flashdelta_dfu_suspend(&dfu), -EAGAIN);
	CHECK_STATUS(feed(update, 20, 2000, 20), 0);
	CHECK(flashdelta_dfu_next(&dfu) == 2000);
	CHECK_STATUS(flashdelta_dfu_suspend(&dfu), -ENOSPC);
	CHECK_STATUS(feed(update, 2000, update.len, 20), 0);
	CHECK_STATUS(flashdelta_dfu_finish(&dfu), 0);
	CHECK(becomes_new());
	fake_stop();
}

static void suspension(blob other)
{
	a_dropped_link_costs_nothing();
	power_cuts_leave_the_suspension_before();
	power_cuts_after_a_suspension_do_no_harm();
	another_world_is_begun_anew(other);
	no_failing_call_is_overlooked();
	wrong_areas_are_refused();
}

#else

static void suspension(blob other)
{
	struct flashdelta_dfu_config config = defaults();
	size_t taken;

	start(8);
	config.suspend_area = FAKE_suspend_partition;
	CHECK_STATUS(run(&config, other, 100), -ENOTSUP);
	CHECK_STATUS(flashdelta_dfu_resume(&dfu, &config, &taken), -ENOTSUP);
	CHECK_STATUS(flashdelta_dfu_suspend(&dfu), -ENOTSUP);
	CHECK(is_untouched());
	fake_stop();
}

#endif

int main(int argc, char **argv)
{
	blob other;

	if (argc != 3) {
		fprintf(stderr, "usage: test_cuts FOLDER SIGNED\n");
		return 2;
	}
	load_all(argv[1]);
	other = load(argv[1], "other.fdp");
	power_cuts_do_no_harm();
	an_earlier_request_is_taken_back(other);
	what_is_there_is_kept();
	suspension(other);
	free(other.bytes);
	free_all();
	return summary("test_cuts");
}
