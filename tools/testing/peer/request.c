// SPDX-License-Identifier: GPL-2.0
/* A device instance with one virtqueue, and requests to a disk. */
#include <stdio.h>
#include <string.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>

#include "peer.h"

const char *ivqn = "peer";

/* ---- device instances ---------------------------------------------------- */

uint16_t connect_names(struct queue *q, const void *i, size_t ilen,
		       const void *t, size_t tlen, uint32_t length,
		       uint16_t instance, uint16_t vq, uint16_t size,
		       union virtio_of_completion *out)
{
	union virtio_of_command c = {
		.connect = {
			.opcode = htole16(VIRTIO_OF_OP_CONNECT),
			.device_instance_id = htole16(instance),
			.vq_index = htole16(vq),
			.length = htole32(length),
			.queue_size = htole16(size),
		},
	};
	struct virtio_of_connect *body = (void *)q->buf;
	struct desc d = { 0, sizeof(*body) };

	memset(body, 0, sizeof(*body));
	memcpy(body->ivqn, i, ilen);
	memcpy(body->tvqn, t, tlen);
	return queue_call(q, &c, &d, length == sizeof(*body), out);
}

uint16_t connect_ctrl(struct peer *p, const char *name)
{
	union virtio_of_completion done;
	uint16_t st;

	memset(p, 0, sizeof(*p));
	p->max_descs = 1;
	peer_tvqn = name;
	if (!queue_open(&p->ctrl))
		return NOREPLY;
	st = connect_names(&p->ctrl, ivqn, strlen(ivqn), name, strlen(name),
			   1024, 0xffff, 0, 0, &done);
	p->live = !st;
	p->instance = le16toh(done.connect.device_instance_id);
	return st;
}

uint16_t connect_vq(struct peer *p, struct queue *q, uint16_t vq, uint16_t size)
{
	union virtio_of_completion done;

	if (!queue_open(q))
		return NOREPLY;
	return connect_names(q, "", 0, "", 0, 0, p->instance, vq, size, &done);
}

uint16_t set_status(struct peer *p, uint32_t status)
{
	union virtio_of_command c = {
		.set_status = {
			.opcode = htole16(VIRTIO_OF_OP_SET_STATUS),
			.status = htole32(status),
		},
	};

	return queue_call(&p->ctrl, &c, NULL, 0, NULL);
}

uint32_t get_status(struct peer *p)
{
	union virtio_of_completion done;

	queue_simple(&p->ctrl, VIRTIO_OF_OP_GET_STATUS, &done);
	return le32toh(done.get_status.dev_status);
}

uint16_t feature(struct peer *p, uint16_t op, uint32_t select, uint64_t v,
		 uint64_t *out)
{
	union virtio_of_command c = {
		.feature = {
			.opcode = htole16(op),
			.feature_select = htole32(select),
			.feature = htole64(v),
		},
	};
	union virtio_of_completion done;
	uint16_t st = queue_call(&p->ctrl, &c, NULL, 0, &done);

	if (out)
		*out = le64toh(done.feature.feature);
	return st;
}

uint16_t config(struct peer *p, uint16_t op, uint16_t off, uint8_t bytes,
		uint64_t v, union virtio_of_completion *out)
{
	union virtio_of_command c = {
		.config = {
			.opcode = htole16(op), .offset = htole16(off),
			.bytes = bytes, .config = htole64(v),
		},
	};

	return queue_call(&p->ctrl, &c, NULL, 0, out);
}

void get_num_descs(struct peer *p)
{
	union virtio_of_completion done;

	if (!queue_simple(&p->ctrl, VIRTIO_OF_OP_GET_KEYED_NUM_DESCS, &done))
		p->max_descs = done.descs.descs;
}

uint16_t get_eager(struct peer *p, struct queue *q, uint16_t vq, uint8_t n)
{
	union virtio_of_command c = {
		.get_keyed_eager_buf = {
			.opcode = htole16(VIRTIO_OF_OP_GET_KEYED_EAGER_BUF),
			.vq_index = htole16(vq), .descs = n,
		},
	};
	struct desc d = { 4096, n * 16U };
	union virtio_of_completion done;
	uint16_t st = queue_call(&p->ctrl, &c, &d, n != 0, &done);

	if (st)
		return st;
	q->n_eager = done.descs.descs;
	memcpy(q->eager, p->ctrl.buf + 4096, 16 * q->n_eager);
	q->eager_len = 0;
	for (unsigned int i = 0; i < q->n_eager; i++)
		q->eager_len += le32toh(q->eager[i].length);
	return 0;
}

void init_status(struct peer *p, bool driver_ok)
{
	uint64_t f = 0;

	set_status(p, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	set_status(p, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	feature(p, VIRTIO_OF_OP_GET_DEVICE_FEATURE, 0, 0, &f);
	feature(p, VIRTIO_OF_OP_SET_DRIVER_FEATURE, 0, f, NULL);
	set_status(p, 11);
	if (driver_ok)
		set_status(p, 15);
}

bool up(struct peer *p, const char *name, uint16_t size, bool driver_ok)
{
	if (connect_ctrl(p, name))
		return false;
	get_num_descs(p);
	p->queue_size = size;
	if (connect_vq(p, &p->vq, 0, size))
		return false;
	get_eager(p, &p->vq, 0, 64);
	init_status(p, driver_ok);
	return true;
}

void down(struct peer *p)
{
	if (p->vq.open && !p->vq.dead)
		queue_simple(&p->vq, VIRTIO_OF_OP_DISCONNECT, NULL);
	if (p->live && p->ctrl.open && !p->ctrl.dead)
		queue_simple(&p->ctrl, VIRTIO_OF_OP_DISCONNECT, NULL);
	queue_close(&p->vq);
	queue_close(&p->ctrl);
}

/* ---- requests ------------------------------------------------------------ */

void header(struct queue *q, uint64_t base, uint32_t type, uint64_t sector)
{
	struct virtio_blk_outhdr h = {
		.type = htole32(type), .sector = htole64(sector),
	};

	memcpy(q->buf + base, &h, sizeof(h));
}

/* Split @len bytes at @at into @n descriptors of uneven lengths. */
static unsigned int split(struct desc *d, unsigned int n, uint64_t at, uint32_t len)
{
	unsigned int i;

	if (!len)
		return 0;
	for (i = 0; i + 1 < n && len > 1; i++) {
		uint32_t take = len / 2 + (i & 1);

		d[i].offset = at;
		d[i].length = take;
		at += take;
		len -= take;
	}
	d[i].offset = at;
	d[i].length = len;
	return i + 1;
}

uint16_t post_vq(struct queue *q, bool eager, uint64_t base, uint32_t eoff,
		 uint32_t out, uint32_t in, unsigned int descs)
{
	union virtio_of_command c;
	struct desc d[PEER_MAX_DESCS];
	unsigned int n = 0;

	memset(&c, 0, sizeof(c));
	if (eager) {
		c.vq_keyed_eager_buf.opcode =
			htole16(VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF);
		c.vq_keyed_eager_buf.out_offset = htole32(eoff);
		c.vq_keyed_eager_buf.out_length = htole32(out);
		c.vq_keyed_eager_buf.in_length = htole32(in);
		if ((uint64_t)eoff + out <= q->eager_len)
			queue_eager_write(q, base, eoff, out);
		n = split(d, descs, base + IN_AT, in);
	} else {
		c.vq.opcode = htole16(VIRTIO_OF_OP_VQ);
		c.vq.out_length = htole32(out);
		c.vq.in_length = htole32(in);
		if (descs == 1) {
			/* one buffer, readable part first */
			memmove(q->buf + base + IN_AT - out, q->buf + base, out);
			d[0].offset = base + IN_AT - out;
			d[0].length = out + in;
			n = 1;
		} else {
			n = split(d, descs / 2, base, out);
			n += split(d + n, descs - descs / 2, base + IN_AT, in);
		}
	}
	queue_command(q, &c, d, n);
	return le16toh(c.common.command_id);
}

struct result request(struct queue *q, bool eager, uint32_t eoff, uint32_t out,
		      uint32_t in, unsigned int descs)
{
	union virtio_of_completion done;
	struct result r = { .status = NOREPLY };
	uint16_t id;

	memset(q->buf + IN_AT, 0xa5, in + 16);
	id = post_vq(q, eager, 0, eoff, out, in, descs);
	if (!queue_wait(q, id, &done, 15000))
		return r;
	r.status = le16toh(done.common.status);
	r.length = eager ? le32toh(done.vq_keyed_eager_buf.length) :
			   le32toh(done.vq.length);
	if (!eager && done.vq.length != done.vq.in_length)
		r.length = ~0U;
	r.byte = q->buf[IN_AT + (in ? in - 1 : 0)];
	/* nothing behind the end */
	for (int i = 0; i < 16; i++)
		if (q->buf[IN_AT + in + i] != 0xa5)
			r.status = NOREPLY;
	return r;
}

void fill(uint8_t *p, uint32_t len, uint32_t seed)
{
	uint32_t x = seed * 2654435761U + 1;

	for (uint32_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = x >> 24;
	}
}

bool holds(const uint8_t *p, uint32_t len, uint32_t seed)
{
	uint32_t x = seed * 2654435761U + 1;

	for (uint32_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		if (p[i] != (uint8_t)(x >> 24))
			return false;
	}
	return true;
}

bool blk_write(struct queue *q, bool eager, uint32_t eoff, uint64_t sector,
	       uint32_t len, uint32_t seed, unsigned int descs)
{
	struct result r;

	header(q, 0, VIRTIO_BLK_T_OUT, sector);
	fill(q->buf + 16, len, seed);
	r = request(q, eager, eoff, 16 + len, 1, descs);
	return !r.status && r.length == 1 && r.byte == VIRTIO_BLK_S_OK;
}

bool blk_read(struct queue *q, bool eager, uint32_t eoff, uint64_t sector,
	      uint32_t len, unsigned int descs)
{
	struct result r;

	header(q, 0, VIRTIO_BLK_T_IN, sector);
	r = request(q, eager, eoff, 16, len + 1, descs);
	return !r.status && r.length == len + 1 && r.byte == VIRTIO_BLK_S_OK;
}

bool blk_verify(struct queue *q, bool eager, uint64_t sector, uint32_t len,
		uint32_t seed, unsigned int descs)
{
	return blk_read(q, eager, 0, sector, len, descs) &&
	       holds(q->buf + IN_AT, len, seed);
}
