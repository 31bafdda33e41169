// SPDX-License-Identifier: GPL-2.0
/* The backend of a disk, as it was configured. Event loop only. */
#include "blk.h"
#include "log.h"

void blk_shut(struct dev *dev)
{
	dev->n_failures = dev->backend->failures;
	dev->backend->ops->close(dev->backend);
	dev->backend = NULL;
}

bool blk_open(struct dev *dev)
{
	const struct dev_cfg *cfg = dev->cfg;

	switch (cfg->backing) {
	case BACKING_FILE:
		dev->backend = backend_open_file(cfg, &dev->disk);
		break;
	case BACKING_MEM:
		dev->backend = backend_open_mem(cfg->size);
		break;
	default:
		dev->backend = backend_open_null(cfg->size);
		break;
	}
	if (!dev->backend) {
		if (!dev->disk.told)
			log_err("%sblk %s: cannot be opened", cfg->path_where, cfg->tvqn);
		return false;
	}
	dev->backend->failures = dev->n_failures;
	dev->backend->readonly |= cfg->readonly;
	dev->backend->unmap &= cfg->discard != DISCARD_OFF;
	dev->block_size = cfg->block_size ? cfg->block_size :
			  dev->backend->block_size;
	if (dev->block_size < dev->backend->block_size ||
	    dev->backend->size % dev->block_size) {
		log_err("%sblk %s: a block size of %u does not fit %llu bytes in blocks of %u",
			cfg->block_where, cfg->tvqn, dev->block_size,
			(unsigned long long)dev->backend->size,
			dev->backend->block_size);
		blk_shut(dev);
		return false;
	}
	if (!dev_block_size_ok(dev->block_size)) {
		log_err("%sblk %s: has blocks of %u bytes, drivers take powers of two from 512 to %u",
			cfg->block_where, cfg->tvqn, dev->block_size, DEV_MAX_BLOCK);
		blk_shut(dev);
		return false;
	}
	if (dev->backend->physical_size < dev->block_size)
		dev->backend->physical_size = dev->block_size;
	/* what was written before and not flushed may have gone with the disk */
	if (dev->vanished)
		dev->backend->failures++;
	return true;
}
