/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contract between virtqueues and devices.
 *
 * A device knows requests: readable bytes, room for writable bytes. It knows no
 * verbs, no connections and no control commands.
 */
#ifndef VOFT_DEV_H
#define VOFT_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"
#include "config.h"
#include "failures.h"
#include "loop.h"

#define DEV_CONFIG_SIZE		128
#define DEV_LATER		0xffff	/* is no status */
#define DEV_F_VERSION_1		(1ULL << 32)

/* The largest payload served; see also size_max in blk.c. */
#define DEV_MAX_DATA		(2U << 20)

/*
 * The largest logical block: a driver takes none above its pages, and those have
 * 4 KiB on most machines.
 */
#define DEV_MAX_BLOCK		4096U

struct dev_state;
struct json_object;

/* Of an incomplete type: its address can be passed on, and nothing read. */
struct payload;

/* Bytes that are copied, and what a device may keep of a request. */
#define REQUEST_HEAD	(16 + 16 * 16)
#define REQUEST_PRIV	456

struct request {
	struct dev_state *state;
	/*
	 * The first device-readable bytes, a copy. The others may lie in memory
	 * that the peer writes to as it likes, so they cannot be looked at, see
	 * request_payload().
	 */
	uint8_t		head[REQUEST_HEAD];
	uint32_t	out_len;
	uint32_t	in_len;
	bool		started;	/* free for the device, false at first */
	uint64_t	failure;	/* it tells of the failures up to here, 0: none */
	uint8_t		priv[REQUEST_PRIV] __attribute__((aligned(8)));
};

/* Per device instance. */
struct dev_state {
	struct dev	*dev;
	uint64_t	driver_features;
	uint32_t	generation;
	uint8_t		wce;
	unsigned int	emptying;	/* the cache is, before it is off */
	struct hearing	hearing;
};

struct dev_ops {
	uint32_t	device_id;
	uint64_t	(*features)(struct dev *dev);
	size_t		(*config)(struct dev_state *s, uint8_t *buf);
	/*
	 * virtio_of status; the caller has checked offset and bytes.
	 * DEV_LATER: request_configured() will tell it, or has.
	 */
	uint16_t	(*set_config)(struct request *req, uint16_t offset,
				      uint8_t bytes, uint64_t value);
	/* A new instance (optional). */
	void		(*init)(struct dev_state *s);
	/* It serves from now on, when its elders are gone; it ends (optional). */
	void		(*begin)(struct dev_state *s, const char *ivqn);
	void		(*end)(struct dev_state *s, const char *ivqn);
	void		(*reset)(struct dev_state *s);
	/*
	 * Take the request: ends in request_done() or request_fail(), maybe
	 * before it returns. -EAGAIN when request_stage() had no memory: it is
	 * called again later.
	 */
	int		(*submit)(struct request *req);
	/*
	 * Of a request of which only the header is there: where the @length bytes behind
	 * it belong, which are put there before it is submitted, or in part if it never
	 * is. NULL: they are to be kept for it (optional).
	 */
	void		*(*place)(struct request *req, uint32_t length);
	/*
	 * Let go of a request that has not reached the backend yet; true when
	 * it was given up and no done will follow.
	 */
	bool		(*cancel)(struct request *req);
	/* The peer has the answer to a request with a failure (optional). */
	void		(*told)(struct request *req);
	/* A virtqueue's connection ends, and answers with it (optional). */
	void		(*lost)(struct dev_state *s);
	/* Make it ready for instances; false: not now, and the log says why. */
	bool		(*open)(struct dev *dev);
	/* The other way, when there are none. */
	void		(*shut)(struct dev *dev);
};

/* What has been done for initiators, since the device was made. */
struct dev_count {
	uint64_t	done;		/* failed ones, too */
	uint64_t	bytes;		/* that these were about; of no flush */
	uint64_t	failed;
};

struct dev {
	struct list		node;
	struct dev_cfg		*cfg;
	const struct dev_ops	*ops;

	/* of devices.c */
	bool			open;
	bool			leaving;	/* its instances are ended, for it */
	bool			removed;	/* is to go, or */
	struct dev_cfg		*next;		/* is to become this */
	bool			vanished;	/* and what was in its cache, too */
	struct backend_disk	disk;		/* that has, and is waited for */
	struct timer		retry;
	unsigned int		pause;		/* ms until then, 0: none yet */
	struct probe		*probe;
	int			told;		/* errno */

	/* of the device, while it is open */
	struct backend		*backend;
	uint32_t		block_size;
	struct failures		failures;	/* a disk's, also while it is not */
	uint64_t		n_failures;	/* of the backend that was the last */
	struct dev_count	count[BIO_ZEROES + 1];	/* by enum bio_op */

	struct json_object	*said;		/* of report.c, while it answers */
};

static inline bool dev_block_size_ok(uint32_t n)
{
	return n >= 512 && n <= DEV_MAX_BLOCK && !(n & (n - 1));
}

extern const struct dev_ops blk_ops, rng_ops;

/* Provided by the control queue (control.c). */

void request_configured(struct request *req, uint16_t status);

/* Provided by the virtqueue (vq.c). */

/*
 * Device-readable bytes from @offset on, which is within them: for a backend, or
 * to be copied, as they are.
 */
const struct payload *request_payload(const struct request *req, uint32_t offset);

/*
 * @length bytes of page-aligned memory that the adapter can reach, kept until
 * the request has ended. What was staged before is given up. NULL: none free.
 */
void *request_stage(struct request *req, uint32_t length);
/* Can the adapter send from there, without staging? */
bool request_reaches(const struct request *req, const void *data, uint32_t length);
/* The largest length that request_stage() can ever give. */
uint32_t request_stage_max(const struct request *req);
/*
 * Done: @data (staged memory, or what the adapter reaches) and then, if @tail is
 * not negative, that byte, are written at @offset of the writable part.
 */
void request_done(struct request *req, uint32_t offset, const void *data,
		  uint32_t length, int tail);
/*
 * Is what lies before an answer, at a high offset, filled with zeroes, or the answer left
 * out if that is too much?
 */
bool request_fills(const struct request *req);
/* Will an answer be sent at all? */
bool request_alive(const struct request *req);
/* Not executed; answered with a status of the fabric and length 0. */
void request_fail(struct request *req, uint16_t status);

#endif
