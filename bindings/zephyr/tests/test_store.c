/*
 * The module over a fake of Zephyr and a strict NOR flash: a patch that is received in any order.
 *
 *     test_store FOLDER SIGNED
 */
#include "dfu.h"

#include "flashdelta_psa.h"

static flashdelta_psa_key known[1];
static const flashdelta_psa trusted = {known, 1};
static struct flashdelta_dfu_store store;
static blob good, stranger;
/* What a sender knows of the patch: header and signature, table, chunks. */
static size_t front, table, pieces;
enum { CHUNK = 1024 };

static int open_store(void)
{
	return flashdelta_dfu_store_open(&store, FAKE_store_partition, &trusted, NULL);
}

/* Where piece number n is in the patch: the table is the first one. */
static size_t begin_of(size_t n)
{
	return n == 0 ? front : front + table + (n - 1) * CHUNK;
}

static int put(const blob *patch, size_t n)
{
	const size_t at = begin_of(n);
	const size_t most = n == 0 ? table : CHUNK, rest = patch->len - at;

	return flashdelta_store_put(&store.store, (uint32_t)n, patch->bytes + at,
				    rest < most ? rest : most);
}

static int offer(const blob *patch)
{
	return flashdelta_store_offer(&store.store, patch->bytes, front);
}

static int apply(void)
{
	struct flashdelta_dfu_config config = defaults();
	int err;

	config.keys = &trusted;
	err = flashdelta_dfu_begin(&dfu, &config);
	if (err == 0) {
		err = flashdelta_dfu_feed_store(&dfu, &store);
	}
	return err;
}

static void pieces_come_in_any_order(void)
{
	for (size_t i = 0; i < UNIT_COUNT; i++) {
		flashdelta_store_info info;

		start(UNITS[i]);
		CHECK_STATUS(open_store(), 0);
		CHECK_STATUS(offer(&stranger), FLASHDELTA_ERR_UNKNOWN_KEY);
		CHECK(is_untouched());
		CHECK_STATUS(apply(), FLASHDELTA_ERR_PIECE_MISSING);
		CHECK_STATUS(offer(&good), 0);
		CHECK_STATUS(flashdelta_store_read_info(&store.store, &info), 0);
		CHECK(info.pieces == pieces && info.table_pieces == 1);
		CHECK_STATUS(put(&good, 0), 0);
		for (size_t n = pieces - 1; n > 1; n--) {
			CHECK_STATUS(put(&good, n), 0);
			CHECK_STATUS(open_store(), 0); /* a reset after each */
		}
		CHECK_STATUS(apply(), FLASHDELTA_ERR_PIECE_MISSING);
		good.bytes[begin_of(1)] ^= 1;
		CHECK_STATUS(put(&good, 1), FLASHDELTA_ERR_WRONG_CHUNK);
		good.bytes[begin_of(1)] ^= 1;
		CHECK_STATUS(put(&good, 1), 0);
		/* The update goes on where the piece was missing. */
		CHECK_STATUS(flashdelta_dfu_feed_store(&dfu, &store), 0);
		CHECK(fake.most_between_pauses < CONFIG_FLASHDELTA_STEP + 2 * FAKE_SECTOR);
		CHECK(fake.pauses > 0 && fake.upgrades == 0);
		CHECK_STATUS(flashdelta_dfu_finish(&dfu), 0);
		CHECK(becomes_new());
		fake_stop();
	}
}

/* At every flash operation of receiving: what was there is there, and the rest comes again. */
static void power_cuts_do_no_harm(void)
{
	bool is_over = false;

	for (long n = 1; !is_over && n < 1000; n++) {
		int err = 0;

		start(UNITS[n % UNIT_COUNT]);
		fake.flash.random = (uint32_t)n;
		fake.flash.cut_after = n;
		fake.flash.cut_at = (uint32_t)n % 17;
		for (int again = 0; again < 2; again++) {
			err = open_store();
			err = err == 0 ? offer(&good) : err;
			for (size_t piece = 0; err == 0 && piece < pieces; piece++) {
				err = put(&good, piece);
			}
			is_over = is_over || (again == 0 && err == 0);
			nor_power_on(&fake.flash);
		}
		CHECK_STATUS(err, 0);
		CHECK_STATUS(apply(), 0);
		CHECK_STATUS(flashdelta_dfu_finish(&dfu), 0);
		CHECK(becomes_new());
		fake_stop();
	}
	CHECK(is_over);
}

/* What has changed in the flash since it was checked is found out before it is used. */
static void what_rots_comes_again(void)
{
	start(8);
	CHECK_STATUS(open_store(), 0);
	CHECK_STATUS(offer(&good), 0);
	for (size_t n = 0; n < pieces; n++) {
		CHECK_STATUS(put(&good, n), 0);
	}
	for (size_t at = 0; at + 64 <= FAKE_STORE; at++) {
		uint8_t *bytes = fake_bytes(FAKE_store_partition) + at;

		if (memcmp(bytes, good.bytes + begin_of(2), 64) == 0) {
			*bytes ^= 1;
		}
	}
	CHECK_STATUS(apply(), FLASHDELTA_ERR_PIECE_MISSING);
	CHECK(fake.upgrades == 0 && stays_old());
	/* What is in the same sector has to come again as well. */
	CHECK_STATUS(put(&good, 2), 0);
	for (;;) {
		uint32_t from = 0, to = 0;

		CHECK_STATUS(flashdelta_store_missing(&store.store, 0, &from, &to), 0);
		if (from == to) {
			break;
		}
		CHECK_STATUS(put(&good, from), 0);
	}
	CHECK_STATUS(flashdelta_dfu_feed_store(&dfu, &store), 0);
	CHECK_STATUS(flashdelta_dfu_finish(&dfu), 0);
	CHECK(becomes_new());
	fake_stop();
}

static void wrong_arguments_are_refused(void)
{
	start(8);
	CHECK_STATUS(flashdelta_dfu_store_open(NULL, FAKE_store_partition, &trusted, NULL),
		     -EINVAL);
	/* CONFIG_FLASHDELTA_REQUIRE_SIGNATURE */
	CHECK_STATUS(flashdelta_dfu_store_open(&store, FAKE_store_partition, NULL, NULL), -EINVAL);
	CHECK_STATUS(flashdelta_dfu_begin(&dfu, NULL), -EINVAL);
	CHECK_STATUS(flashdelta_dfu_store_open(&store, FAKE_AREAS, &trusted, NULL), -ENOENT);
	CHECK_STATUS(open_store(), 0);
	memset(&dfu, 0, sizeof(dfu));
	CHECK_STATUS(flashdelta_dfu_feed_store(&dfu, &store), -EINVAL);
	CHECK(is_untouched());
	fake_stop();
}

int main(int argc, char **argv)
{
	blob point;
	size_t needed;

	if (argc != 3) {
		fprintf(stderr, "usage: test_store FOLDER SIGNED\n");
		return 2;
	}
	load_all(argv[1]);
	good = load(argv[1], "signed.fdp");
	stranger = load(argv[1], "stranger.fdp");
	/* Header and the number of signatures, one of them; then the table and the chunks. */
	front = 0;
	while (flashdelta_workspace_len(good.bytes, front, &needed) == FLASHDELTA_NEED_MORE) {
		front++;
	}
	front += 73;
	do {
		table += 16; /* for one more chunk */
		pieces = 1 + table / 16;
	} while (begin_of(pieces) < good.len);
	point = load(argv[2], "p256.point");
	CHECK(psa_crypto_init() == PSA_SUCCESS);
	CHECK(flashdelta_psa_import_p256(&known[0], point.bytes) == PSA_SUCCESS);
	pieces_come_in_any_order();
	power_cuts_do_no_harm();
	what_rots_comes_again();
	wrong_arguments_are_refused();
	mbedtls_psa_crypto_free();
	free(point.bytes);
	free(stranger.bytes);
	free(good.bytes);
	free_all();
	return summary("test_store");
}
