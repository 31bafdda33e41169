// SPDX-License-Identifier: GPL-2.0
/* How a source of random bytes is configured. */
#include "config.h"
#include "dev.h"
#include "types.h"

static void rng_defaults(struct dev_cfg *d)
{
	d->queues = 1;
	d->queue_size = 64;
	d->staging = 1 << 18;
}

const struct dev_type rng_type = {
	.name = "rng",
	.ops = &rng_ops,
	.max_queues = 1,
	.defaults = rng_defaults,
};
