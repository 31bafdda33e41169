/* SPDX-License-Identifier: GPL-2.0 */
/* A request to a disk, between the files of virtio-blk. */
#ifndef VOFT_BLK_H
#define VOFT_BLK_H

#include "dev.h"

#define SECTOR			512U
#define BLK_MAX_SEGS		16

/*
 * 2 GiB per segment of a discard; zeroes may have to be written, so they stay
 * shorter, and in one piece.
 */
#define MAX_DISCARD_SECTORS	(1U << 22)
#define MAX_ZEROES_SECTORS	(1U << 15)
#define MAX_ZEROES_SEGS		1U

struct blk_seg {
	uint64_t	sector;
	uint32_t	sectors;
	uint32_t	flags;
};

/* Lies in the private part of a request. */
struct blk_request {
	uint32_t	type;
	uint64_t	sector;
	struct blk_seg	segs[BLK_MAX_SEGS];
	unsigned int	nsegs, seg;
	bool		cut;		/* no further segments */
	bool		again;		/* a write that is done once more */
	bool		unsynced;	/* something may still be in a cache */
	uint64_t	failures;	/* of the backend when it was begun */
	void		*data;
	uint32_t	length;
	bool		delayed;
	struct timer	timer;
	struct bio	bio;
};

_Static_assert(sizeof(struct blk_request) <= REQUEST_PRIV, "private part of a request");

static inline struct blk_request *to_blk(const struct request *req)
{
	return (struct blk_request *)req->priv;
}

static inline struct request *blk_of(const struct blk_request *b)
{
	return container_of((const uint8_t (*)[REQUEST_PRIV])b, struct request, priv);
}

static inline struct request *blk_of_bio(struct bio *bio)
{
	return blk_of(container_of(bio, struct blk_request, bio));
}

/* blk_space.c: features and configuration space */
uint64_t blk_features(struct dev *dev);
size_t blk_config(struct dev_state *s, uint8_t *buf);
uint16_t blk_set_config(struct request *req, uint16_t offset, uint8_t bytes,
			uint64_t value);
void blk_init(struct dev_state *s);
void blk_reset(struct dev_state *s);
/* For a write of this driver: BIO_F_DSYNC, or 0. */
unsigned int blk_sync_flag(const struct dev_state *s);
bool blk_failed_meanwhile(const struct request *req);

/* blk_disk.c: what it keeps its bytes in */
bool blk_open(struct dev *dev);
void blk_shut(struct dev *dev);

#endif
