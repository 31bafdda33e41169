/* SPDX-License-Identifier: GPL-2.0 */
/* A target that is there to misbehave: what its files know of each other. */
#ifndef VOF_BAD_H
#define VOF_BAD_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_of.h>

#define BAD_MAX_DESCS	16
#define BAD_MSG		(16 + 16 * BAD_MAX_DESCS)
#define BAD_STAGE	(2U << 20)	/* the largest request */
#define BAD_EAGER	(256U << 10)
#define BAD_MAX_VQS	3
#define BAD_PATIENCE	5000		/* ms, for whatever a peer should take */

/* ---- connections: bad-conn.c --------------------------------------------- */

struct bad_transport;

/* The beginning of a connection of each transport. */
struct conn {
	struct conn	*next;
	const struct bad_transport *transport;
	uint8_t		*stage;	/* BAD_STAGE bytes for a request */
	uint8_t		*eager;	/* BAD_EAGER bytes, where there are such buffers */
	uint32_t	key;	/* of those */
	bool		dead;	/* to be freed at the end of a pass */
	bool		connected; /* Connect has been answered */
	bool		control;
	bool		starved; /* nothing more is taken from it */
};

/* A command, with what came along. */
struct bad_request {
	union virtio_of_command	cmd;
	struct virtio_of_keyed_desc descs[BAD_MAX_DESCS];
	unsigned int		n;
};

/* Everything here reports failure by marking the connection dead. */
struct bad_transport {
	const char	*scheme;
	uint64_t	features; /* Virtio-oF features that it has */

	int		(*listen)(const char *addr, const char *port);
	void		(*news)(void);	/* the descriptor of listen() has some */
	bool		(*poll)(struct conn *c); /* was there anything to do? */
	void		(*send)(struct conn *c, const void *msg, uint32_t len);
	/* The device-readable bytes of a request, into the stage. */
	void		(*fetch)(struct conn *c, const struct bad_request *r);
	/*
	 * Device-writable bytes, before the completion is sent; where is the place in
	 * all that the descriptors describe.
	 */
	void		(*give)(struct conn *c, const struct bad_request *r,
				uint8_t *data, uint32_t where, uint32_t len);
	void		(*free)(struct conn *c);
	void		(*end)(void);
};

extern const struct bad_transport bad_rdma, bad_stream;
extern struct conn *conns;

void bad_add(struct conn *c, const struct bad_transport *t);
void bad_listen(char *url);
void bad_run(void);
uint64_t bad_now(void);		/* ms */

static inline void bad_send(struct conn *c, const void *msg, uint32_t len)
{
	c->transport->send(c, msg, len);
}

/* ---- the device ---------------------------------------------------------- */

#define BAD_SECTOR	512U
#define BAD_DISK	(16U << 20)
#define BAD_TRIGGER	8192U		/* sector; 4 MiB */
#define BAD_SERVED	(1U << 20)	/* what every target has to serve */
#define BAD_INSTANCE	5

/* What is not a disk: bad-types.c. All of it without eager buffers. */
struct bad_type {
	const char	*name;		/* behaviours begin with it and "=" */
	uint32_t	id;
	unsigned int	vqs;
	uint64_t	features;

	/* Fill the zeroed configuration space; returns its size. */
	size_t		(*config)(uint8_t *space);
	/*
	 * A request, device-readable part in @out; returns how much of @in it has
	 * written, or BAD_SILENCE.
	 */
	uint32_t	(*request)(unsigned int vq, const char *behave,
				   const uint8_t *out, uint32_t out_len,
				   uint8_t *in, uint32_t in_len);
};

#define BAD_SILENCE	UINT32_MAX
#define BAD_CONFIG	128

/* NULL for a disk. */
const struct bad_type *bad_type_of(const char *behave);

struct bad_dev {
	const struct bad_type *type;	/* NULL: a disk */
	struct conn	*control, *vqs[BAD_MAX_VQS];
	uint32_t	status, generation;
	uint64_t	capacity;
	bool		unsettled;	/* each Get Config, another generation */
	bool		flipping;	/* and announced, with the same generation */
	bool		driven;		/* DRIVER_OK was set */
	bool		happened;	/* what happens but once */
	unsigned int	drivers;	/* that have chosen features */
	unsigned int	refused;	/* connections still to be refused */
	unsigned int	instances;
	uint8_t		disk[BAD_DISK];
};

extern struct bad_dev dev;

/* ---- the way it misbehaves: bad-behave.c --------------------------------- */

void bad_choose(const char *name);
void bad_list(void);
const char *bad_name(void);
bool is(const char *name);
bool at_step(const char *name);
bool step_is_silent(void);
bool interrupted(struct conn *c, const union virtio_of_command *cmd);
void tarry(uint16_t opcode);
void answer(struct conn *c, union virtio_of_completion *a, bool wrong,
	    const char *where);

/* ---- queues -------------------------------------------------------------- */

/* bad-control.c */
void control(struct conn *c, const struct bad_request *r);
void connect_queue(struct conn *c, const struct bad_request *r);
void async(uint16_t id, uint32_t generation);

/* bad-vq.c */
void vq_command(struct conn *c, const struct bad_request *r);
size_t disk_config(uint8_t *space);
/*
 * A stream has the beginning of a request, of which the rest may still be on its way: true
 * when that has been answered, or its connection ended.
 */
bool vq_early(struct conn *c, const union virtio_of_command *cmd,
	      const uint8_t *begin, uint32_t len);

/* Called by the connections. */
bool bad_wants(void);			/* another connection? */
void bad_message(struct conn *c, const struct bad_request *r);
void bad_gone(struct conn *c);

#endif
