// SPDX-License-Identifier: GPL-2.0
/* Tests of a disk: data, and what else it does. */
#include <stdio.h>
#include <string.h>

#include <linux/virtio_blk.h>

#include "peer.h"

void test_data(void)
{
	static const uint32_t sizes[] = { 512, 1024, 4096, 4608, 65536, 131072,
					  1 << 20 };
	struct peer p;
	bool ok;
	char what[80];

	if (!check(up(&p, tvqn, 0, true), "instance for data"))
		return;
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t n = sizes[i];

		ok = blk_write(&p.vq, false, 0, 64, n, n, 1) &&
		     blk_verify(&p.vq, false, 64, n, n, 1);
		snprintf(what, sizeof(what), "plain, 1 descriptor, %u bytes", n);
		check(ok, what);
		if (p.max_descs > 1) {
			ok = blk_write(&p.vq, false, 0, 64, n, n + 1, p.max_descs) &&
			     blk_verify(&p.vq, false, 64, n, n + 1, p.max_descs);
			snprintf(what, sizeof(what),
				 "plain, %u descriptors, %u bytes", p.max_descs, n);
			check(ok, what);
		}
		if (p.vq.eager_len >= n + 8192) {
			ok = blk_write(&p.vq, true, 4096 - 16, 64, n, n + 2, 1) &&
			     blk_verify(&p.vq, true, 64, n, n + 2, 1);
			snprintf(what, sizeof(what), "eager, aligned, %u bytes", n);
			check(ok, what);
			ok = blk_write(&p.vq, true, 3, 64, n, n + 3, 1) &&
			     blk_verify(&p.vq, true, 64, n, n + 3, p.max_descs);
			snprintf(what, sizeof(what), "eager, unaligned, %u bytes", n);
			check(ok, what);
			ok = blk_write(&p.vq, true, p.vq.eager_len - n - 16, 64,
				       n, n + 4, 1) &&
			     blk_verify(&p.vq, false, 64, n, n + 4, 1);
			snprintf(what, sizeof(what), "eager, end of range, %u bytes", n);
			check(ok, what);
		}
	}
	down(&p);
}

static struct result range_cmd(struct peer *p, uint32_t type, uint64_t sector,
			       uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes seg = {
		.sector = htole64(sector), .num_sectors = htole32(sectors),
		.flags = htole32(flags),
	};

	header(&p->vq, 0, type, 0);
	memcpy(p->vq.buf + 16, &seg, sizeof(seg));
	return request(&p->vq, false, 0, 32, 1, 1);
}

void test_blk(void)
{
	static const uint8_t zeroes[65536];
	union virtio_of_completion done;
	struct queue *q;
	struct peer p;
	struct result r;
	uint64_t cap;

	if (!check(up(&p, tvqn, 0, true), "instance for virtio-blk"))
		return;
	q = &p.vq;
	config(&p, VIRTIO_OF_OP_GET_CONFIG, 0, 8, 0, &done);
	cap = le64toh(done.config.config);

	header(q, 0, VIRTIO_BLK_T_FLUSH, 0);
	r = request(q, false, 0, 16, 1, 1);
	check(!r.status && r.length == 1 && !r.byte, "flush");
	header(q, 0, VIRTIO_BLK_T_GET_ID, 0);
	r = request(q, false, 0, 16, 21, 1);
	printf("# serial %.20s\n", q->buf + IN_AT);
	check(!r.status && r.length == 21 && !r.byte && q->buf[IN_AT], "get id");

	blk_write(q, false, 0, 1024, 65536, 77, 1);
	r = range_cmd(&p, VIRTIO_BLK_T_WRITE_ZEROES, 1024, 128, 0);
	check(!r.status && !r.byte && blk_read(q, false, 0, 1024, 65536, 1) &&
	      !memcmp(q->buf + IN_AT, zeroes, 65536), "write zeroes");
	blk_write(q, false, 0, 1024, 65536, 78, 1);
	r = range_cmd(&p, VIRTIO_BLK_T_WRITE_ZEROES, 1025, 3, 1);
	check(!r.status && !r.byte && blk_read(q, false, 0, 1025, 1536, 1) &&
	      !memcmp(q->buf + IN_AT, zeroes, 1536), "write zeroes, unmap");
	r = range_cmd(&p, VIRTIO_BLK_T_DISCARD, 2048, 2048, 0);
	check(!r.status && !r.byte, "discard");
	r = range_cmd(&p, VIRTIO_BLK_T_DISCARD, 0, 8, 1);
	check(!r.status && r.byte == VIRTIO_BLK_S_UNSUPP,
	      "discard with flags is UNSUPP");
	r = range_cmd(&p, VIRTIO_BLK_T_DISCARD, cap, 1, 0);
	check(!r.status && r.byte == VIRTIO_BLK_S_IOERR,
	      "discard beyond the end is IOERR");
	r = range_cmd(&p, VIRTIO_BLK_T_WRITE_ZEROES, ~0ULL, 0x8000, 0);
	check(!r.status && r.byte == VIRTIO_BLK_S_IOERR,
	      "write zeroes at the end of 64 bits is IOERR");
	header(q, 0, VIRTIO_BLK_T_WRITE_ZEROES, 0);
	memset(q->buf + 16, 0, 32);
	r = request(q, false, 0, 48, 1, 1);
	check(!r.status && r.byte == VIRTIO_BLK_S_IOERR,
	      "write zeroes in two segments is IOERR");

	header(q, 0, 4711, 0);
	r = request(q, false, 0, 16, 1, 1);
	check(!r.status && r.byte == VIRTIO_BLK_S_UNSUPP, "unknown type is UNSUPP");
	header(q, 0, VIRTIO_BLK_T_IN, cap);
	r = request(q, false, 0, 16, 513, 1);
	check(!r.status && r.byte == VIRTIO_BLK_S_IOERR, "read beyond the end");
	header(q, 0, VIRTIO_BLK_T_IN, ~0ULL);
	r = request(q, false, 0, 16, 513, 1);
	check(!r.status && r.byte == VIRTIO_BLK_S_IOERR, "read at sector 2^64 - 1");
	header(q, 0, VIRTIO_BLK_T_IN, 0);
	r = request(q, false, 0, 16, 100, 1);
	check(!r.status && r.byte == VIRTIO_BLK_S_IOERR, "read of 99 bytes");
	header(q, 0, VIRTIO_BLK_T_OUT, cap - 1);
	r = request(q, false, 0, 16 + 1024, 1, 1);
	check(!r.status && r.byte == VIRTIO_BLK_S_IOERR, "write over the end");
	r = request(q, false, 0, 15, 1, 1);
	check(r.status == VIRTIO_OF_STATUS_EOUTVQBUF && !r.length &&
	      r.byte == 0xa5, "no whole header is EOUTVQBUF");
	header(q, 0, VIRTIO_BLK_T_FLUSH, 0);
	r = request(q, false, 0, 16, 0, 1);
	check_status(r.status, VIRTIO_OF_STATUS_EINVQBUF,
		     "no room for the status is EINVQBUF");
	if (q->eager_len) {
		r = request(q, true, q->eager_len - 8, 16, 1, 1);
		check_status(r.status, VIRTIO_OF_STATUS_EOUTVQBUF,
			     "outside of the eager range is EOUTVQBUF");
		r = request(q, true, 0xfffffff8, 16, 1, 1);
		check_status(r.status, VIRTIO_OF_STATUS_EOUTVQBUF,
			     "offset that wraps is EOUTVQBUF");
	}
	config(&p, VIRTIO_OF_OP_GET_CONFIG, 32, 1, 0, &done);
	check(le64toh(done.config.config) == 1, "writeback is on");
	check_status(config(&p, VIRTIO_OF_OP_SET_CONFIG, 32, 1, 0, NULL), 0,
		     "writeback off");
	{
		uint32_t gen = le32toh(done.config.generation);

		config(&p, VIRTIO_OF_OP_GET_CONFIG, 32, 1, 0, &done);
		check(!done.config.config &&
		      le32toh(done.config.generation) != gen,
		      "generation has changed");
	}
	check(blk_write(q, false, 0, 9, 4096, 5, 1) &&
	      blk_verify(q, false, 9, 4096, 5, 1), "write through");
	down(&p);

	if (read_only && check(up(&p, read_only, 0, true), "read-only device")) {
		uint64_t f;

		feature(&p, VIRTIO_OF_OP_GET_DEVICE_FEATURE, 0, 0, &f);
		check(f & 1ULL << VIRTIO_BLK_F_RO, "says that it is read-only");
		header(&p.vq, 0, VIRTIO_BLK_T_OUT, 0);
		r = request(&p.vq, false, 0, 16 + 512, 1, 1);
		check(!r.status && r.byte == VIRTIO_BLK_S_IOERR,
		      "write to it is IOERR");
		check(blk_read(&p.vq, false, 0, 0, 4096, 1), "read from it");
		down(&p);
	}
	if (rng && check(up(&p, rng, 0, true), "entropy device")) {
		bool some = false;

		r = request(&p.vq, false, 0, 0, 64, 1);
		for (int i = 0; i < 64; i++)
			some |= p.vq.buf[IN_AT + i] != 0xa5;
		check(!r.status && r.length == 64 && some, "random bytes");
		down(&p);
	}
}

/* What the target holds before DRIVER_OK, ECMDQUOT, reset, Disconnect. */
