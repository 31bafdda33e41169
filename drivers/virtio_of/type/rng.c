// SPDX-License-Identifier: GPL-2.0
/*
 * Sources of entropy.
 *
 * One random number is as good as another: requests may be sent again. There may be
 * none for long, so that the time for an answer cannot be limited.
 */
#include <uapi/linux/virtio_ids.h>

#include "type.h"

/*
 * The driver would not provide its buffer again: it takes an empty one for the news that
 * the device goes, and asks no more when there is a link again. While it comes or goes
 * that is true, and somebody may wait for it: that of 6.1 registers with a lock that a
 * reader holds.
 */
static bool vof_rng_keep(const struct vof_req *req, bool final)
{
	return !final;
}

/* An entropy device has bytes; for what its driver makes of none see above. */
static bool vof_rng_unusable(u16 status, u32 written)
{
	return status || !written;
}

const struct vof_type vof_type_rng = {
	.id		= VIRTIO_ID_RNG,
	.driver		= "virtio_rng",
	.replays	= true,
	.keep		= vof_rng_keep,
	.unusable	= vof_rng_unusable,
};
