/* SPDX-License-Identifier: GPL-2.0 */
/* Eager buffers with somebody who keeps the books, and checks each answer. */
#ifndef _UNIT_EAGER_MODEL_H
#define _UNIT_EAGER_MODEL_H

#include <linux/bug.h>
#include <linux/err.h>
#include <asm/byteorder.h>

#include "rdma/eager.h"
#include "unit.h"

#define PAGE	4096
#define HEAD	16		/* of a virtio-blk request */

/* Where the buffers of a test lie, and what is taken of them. */
struct model {
	struct virtio_of_keyed_desc descs[256];
	unsigned int count;
	u64 addr[256];
	u32 len[256];
	u32 start[257];
	u32 size;
	u32 unit;
	struct vof_eager *eager;
	unsigned char *bytes;	/* taken? */
	u32 *room;		/* free units from here on, when it is asked */
	bool *busy;
	u32 units;
};

static inline void model_add(struct model *m, u64 addr, u32 len)
{
	unsigned int i = m->count++;

	m->addr[i] = addr;
	m->len[i] = len;
	m->start[i] = m->size;
	m->size += len;
	m->start[i + 1] = m->size;
	m->descs[i].addr = cpu_to_le64(addr);
	m->descs[i].length = cpu_to_le32(len);
	m->descs[i].key = cpu_to_le32(0xbe000000 + i);
}

static inline void model_open(struct model *m)
{
	/* The descriptors are copied: nobody looks at them afterwards. */
	struct virtio_of_keyed_desc *descs = unit_alloc(m->count * sizeof(*descs));

	memcpy(descs, m->descs, m->count * sizeof(*descs));
	m->eager = vof_eager_create(descs, m->count);
	unit_free(descs);
	assert_false(IS_ERR(m->eager));
	assert_int_equal(vof_eager_size(m->eager), m->size);

	for (m->unit = 64; (m->size - 1) / m->unit >= 32768; m->unit *= 2)
		;
	m->units = (m->size - 1) / m->unit + 1;
	m->bytes = unit_alloc(m->size);
	m->room = unit_alloc((m->units + 1) * sizeof(*m->room));
	m->busy = unit_alloc(m->units * sizeof(*m->busy));
	unit_warnings = 0;
}

static inline void model_close(struct model *m)
{
	assert_int_equal(unit_warnings, 0);
	vof_eager_destroy(m->eager);
	unit_free(m->bytes);
	unit_free(m->room);
	unit_free(m->busy);
	memset(m, 0, sizeof(*m));
}

static inline unsigned int model_buf(const struct model *m, u32 offset)
{
	unsigned int i = 0;

	while (offset >= m->start[i + 1])
		i++;
	return i;
}

static inline u64 model_addr(const struct model *m, u32 offset)
{
	unsigned int i = model_buf(m, offset);

	return m->addr[i] + offset - m->start[i];
}

/* Is [@offset, @offset + @len) inside the range, in units that are free? */
static inline bool model_fits(const struct model *m, u64 offset, u32 len)
{
	u32 first = offset / m->unit;

	return offset + len <= m->size &&
	       (offset + len - 1) / m->unit - first < m->room[first];
}

/* Is there such a place in buffer @i? */
static inline bool model_place(const struct model *m, unsigned int i, u32 len,
			       u32 head, bool aligned)
{
	u64 end = m->start[i + 1];
	u64 pos = m->start[i];

	if (aligned)
		pos += -(m->addr[i] + head) % PAGE;
	while (pos + len <= end) {
		if (model_fits(m, pos, len))
			return true;
		pos = aligned ? pos + PAGE : (pos / m->unit + 1) * m->unit;
	}
	return false;
}

static inline bool model_exists(struct model *m, u32 len, u32 head, bool aligned,
				bool inside)
{
	unsigned int i;
	u32 u;

	for (u = m->units; u--;)
		m->room[u] = m->busy[u] ? 0 : m->room[u + 1] + 1;
	if (inside) {
		for (i = 0; i < m->count; i++)
			if (model_place(m, i, len, head, aligned))
				return true;
		return false;
	}
	for (u = 0; u < m->units; u++)
		if (model_fits(m, (u64)u * m->unit, len))
			return true;
	return false;
}

static inline void model_mark(struct model *m, u32 offset, u32 len, bool busy)
{
	u32 u;

	for (u = offset / m->unit; u <= (offset + len - 1) / m->unit; u++) {
		assert_int_equal(m->busy[u], !busy);
		m->busy[u] = busy;
	}
	memset(m->bytes + offset, busy, len);
}

/* Is the pieces' whole what the model says? */
static inline unsigned int model_locate(const struct model *m, u32 offset, u32 len)
{
	unsigned int pieces = 0;

	while (len) {
		unsigned int i = model_buf(m, offset);
		u64 addr = 0;
		u32 key = 0, n;

		n = vof_eager_locate(m->eager, offset, len, &addr, &key);
		assert_int_equal(addr, model_addr(m, offset));
		assert_int_equal(key, 0xbe000000 + i);
		assert_int_equal(n, len < m->start[i + 1] - offset ?
				    len : m->start[i + 1] - offset);
		offset += n;
		len -= n;
		pieces++;
	}
	return pieces;
}

struct part {
	u32 offset;
	u32 len;
};

/* Allocate, and check all that was promised about the answer. */
static inline int model_alloc(struct model *m, u32 len, u32 head, struct part *r)
{
	bool wish = head < PAGE && len >= head + PAGE;
	int ret;

	r->len = len;
	r->offset = 0xdeadbeef;
	ret = vof_eager_alloc(m->eager, len, head, &r->offset);
	if (len > m->size) {
		assert_int_equal(ret, -EMSGSIZE);
		return ret;
	}
	if (ret) {
		assert_int_equal(ret, -EAGAIN);
		assert_false(model_exists(m, len, head, false, false));
		return ret;
	}
	if (!len)
		return 0;
	assert_true((u64)r->offset + len <= m->size);
	assert_null(memchr(m->bytes + r->offset, 1, len));
	if (model_locate(m, r->offset, len) > 1)
		assert_false(model_exists(m, len, head, false, true));
	else if (wish && (model_addr(m, r->offset) + head) % PAGE)
		assert_false(model_exists(m, len, head, true, true));
	model_mark(m, r->offset, len, true);
	return 0;
}

static inline void model_free(struct model *m, const struct part *r)
{
	if (r->len)
		model_mark(m, r->offset, r->len, false);
	vof_eager_free(m->eager, r->offset, r->len);
}

#endif /* _UNIT_EAGER_MODEL_H */
