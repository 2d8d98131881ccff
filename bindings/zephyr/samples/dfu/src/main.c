/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Asks a server for a patch, applies it as it comes, and has MCUboot try the new image. Where the
 * link breaks, or the power goes, the next try goes on with the byte that is needed next.
 *
 * The protocol is as small as can be: the device sends a line with the number of that byte, and the
 * server sends the rest of the patch, and closes. README.md has a server of one line. A product
 * takes its own way: HTTP with a Range, CoAP with blocks, MQTT.
 */
#include <errno.h>
#include <stdio.h>

#include <flashdelta_dfu.h>
#include <flashdelta_psa.h>
#include <zephyr/kernel.h>
#include <zephyr/logging/log.h>
#include <zephyr/net/socket.h>
#include <zephyr/sys/reboot.h>

LOG_MODULE_REGISTER(app, LOG_LEVEL_INF);

#define SERVER "192.0.2.2"
#define PORT 4242
#define TRY_AGAIN_MS 10000

/* The key that releases are signed with: `... | tail -c 65 | xxd -i`, see README.md. */
static const uint8_t release_point[65] = {
#include "release_point.inc"
};

static struct flashdelta_dfu dfu;
static flashdelta_psa_key keys[1];
static const flashdelta_psa trusted = {keys, 1};

static int connect_to_server(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int link;

	if (zsock_inet_pton(AF_INET, SERVER, &address.sin_addr) != 1) {
		return -EINVAL;
	}
	link = zsock_socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	if (link < 0) {
		return -errno;
	}
	if (zsock_connect(link, (struct sockaddr *)&address, sizeof(address)) != 0) {
		const int err = -errno;

		(void)zsock_close(link);
		return err;
	}
	return link;
}

/* Asks for the patch from a byte on, and feeds it as far as it comes. */
static int feed_from_server(size_t from)
{
	uint8_t piece[256];
	char question[16];
	const int len = snprintf(question, sizeof(question), "%u\n", (unsigned int)from);
	const int link = connect_to_server();
	ssize_t received;
	int err = 0;

	if (link < 0) {
		return link;
	}
	received = zsock_send(link, question, (size_t)len, 0);
	while (err == 0 && received > 0) {
		received = zsock_recv(link, piece, sizeof(piece), 0);
		if (received > 0) {
			err = flashdelta_dfu_feed(&dfu, piece, (size_t)received);
		}
	}
	if (err == 0 && received < 0) {
		err = -errno;
	}
	(void)zsock_close(link);
	return err;
}

/* One try. 0: there is a new image. */
static int update(void)
{
	struct flashdelta_dfu_config config;
	size_t from = 0;
	int err;

	flashdelta_dfu_default_config(&config);
	config.suspend_area = FIXED_PARTITION_ID(suspend_partition);
	config.keys = &trusted;
	err = flashdelta_dfu_resume(&dfu, &config, &from);
	if (err != 0) {
		return err;
	}
	LOG_INF("the patch is wanted from byte %u on", (unsigned int)from);
	err = feed_from_server(from);
	/* A damaged chunk may come again, at once, and a few times only. */
	for (int again = 0; err == FLASHDELTA_ERR_WRONG_CHUNK && again < 3; again++) {
		err = feed_from_server(flashdelta_dfu_next(&dfu));
	}
	if (flashdelta_dfu_progress(&dfu).done) {
		return flashdelta_dfu_finish(&dfu);
	}
	if (flashdelta_dfu_suspend(&dfu) == 0) {
		LOG_INF("the link has broken: the update is suspended");
	}
	flashdelta_dfu_abort(&dfu);
	return err != 0 ? err : FLASHDELTA_ERR_TRUNCATED;
}

int main(void)
{
	int err = flashdelta_dfu_confirm(); /* a product does so once it has reached its server */

	if (err == 0 && (psa_crypto_init() != PSA_SUCCESS ||
			 flashdelta_psa_import_p256(&keys[0], release_point) != PSA_SUCCESS)) {
		err = -EIO;
	}
	while (err == 0 && (err = update()) != 0) {
		LOG_ERR("no update: %d (%s)", err, err > 0 ? flashdelta_strerror(err) : "system");
		k_msleep(TRY_AGAIN_MS);
		err = 0;
	}
	if (err == 0) {
		LOG_INF("MCUboot tries the new image");
		sys_reboot(SYS_REBOOT_COLD);
	}
	LOG_ERR("cannot start: %d", err);
	return 0;
}
