// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-entropy.
 *
 * Event loop only. The kernel's generator has been seeded when open() returns,
 * so getrandom() does not block afterwards.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <linux/virtio_ids.h>
#include <linux/virtio_of.h>

#include "dev.h"
#include "log.h"

/* More than that in one request would keep the loop from the others. */
#define RNG_MAX		65536

static uint64_t rng_features(struct dev *dev)
{
	(void)dev;
	return DEV_F_VERSION_1;
}

static size_t rng_config(struct dev_state *s, uint8_t *buf)
{
	(void)s;
	(void)buf;
	return 0;
}

static uint16_t rng_set_config(struct request *req, uint16_t offset,
			       uint8_t bytes, uint64_t value)
{
	(void)req;
	(void)offset;
	(void)bytes;
	(void)value;
	return VIRTIO_OF_STATUS_ECONFOFF;
}

static void rng_reset(struct dev_state *s)
{
	(void)s;
}

static int rng_submit(struct request *req)
{
	uint32_t want = req->in_len < RNG_MAX ? req->in_len : RNG_MAX;
	ssize_t n = 0;
	uint8_t *buf = NULL;

	if (want > request_stage_max(req))
		want = request_stage_max(req);
	if (want) {
		buf = request_stage(req, want);
		if (!buf)
			return -EAGAIN;
		while ((size_t)n < want) {
			ssize_t got = getrandom(buf + n, want - n, GRND_NONBLOCK);

			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				break;
			n += got;
		}
	}
	req->state->dev->count[BIO_READ].done++;
	req->state->dev->count[BIO_READ].bytes += n;
	request_done(req, 0, buf, n, -1);
	return 0;
}

static bool rng_cancel(struct request *req)
{
	(void)req;
	return false;
}

static bool rng_open(struct dev *dev)
{
	uint8_t byte;

	if (getrandom(&byte, 1, 0) == 1)
		return true;
	log_err("rng %s: %s", dev->cfg->tvqn, strerror(errno));
	return false;
}

static void rng_shut(struct dev *dev)
{
	(void)dev;
}

const struct dev_ops rng_ops = {
	.device_id = VIRTIO_ID_RNG,
	.features = rng_features,
	.config = rng_config,
	.set_config = rng_set_config,
	.reset = rng_reset,
	.submit = rng_submit,
	.cancel = rng_cancel,
	.open = rng_open,
	.shut = rng_shut,
};
