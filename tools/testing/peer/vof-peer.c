// SPDX-License-Identifier: GPL-2.0
/*
 * Conformance tests of a Virtio-oF target, hostile ones included. Prints TAP.
 *
 *	vof-peer --addr URL --tvqn NAME [options]
 *
 * URL is rdma://, tcp:// or tls:// and ADDR[:PORT], or an address alone, which is RDMA's.
 * NAME is a writable virtio-blk device of at least 16 MiB whose contents may be
 * lost. Optional devices: --denied NAME (has an access list without us),
 * --readonly NAME, --slow NAME (delay=2000), --rng NAME, and --reap SECONDS when
 * the target's --connect-timeout is that short. Streams: --keyed NAME, a device that has
 * keys; --psk HEX, ours (--identity: with a name of its own), and --patience SECONDS when
 * that is what the target has with slow peers, twice its --keepalive.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>

#include "peer.h"

#define SEC		512U

const char *tvqn = "test", *keyed;
int patience;
static const char *denied, *readonly_, *slow, *rng;
static int reap;
static unsigned int n_tests, n_failed;

bool check(bool ok, const char *what)
{
	printf("%sok %u - %s\n", ok ? "" : "not ", ++n_tests, what);
	fflush(stdout);
	n_failed += !ok;
	return ok;
}

void check_status(uint16_t got, uint16_t want, const char *what)
{
	if (got != want)
		printf("# status 0x%04x instead of 0x%04x\n", got, want);
	check(got == want, what);
}

/* ---- tests --------------------------------------------------------------- */

static void test_connect(void)
{
	static const char full[256] = { [0 ... 255] = 'x' };
	union virtio_of_completion done;
	struct peer p, p2;
	struct queue q;

	check_status(connect_ctrl(&p, tvqn), 0, "Connect of the control queue");
	check_status(queue_simple(&p.ctrl, VIRTIO_OF_OP_CONNECT, NULL),
		     VIRTIO_OF_STATUS_ENOCMD, "a second Connect is ENOCMD");
	ivqn = "peer2";
	check(!connect_ctrl(&p2, tvqn) && p2.instance != p.instance,
	      "another initiator gets an instance of its own");
	ivqn = "peer";
	down(&p2);
	down(&p);
	connect_ctrl(&p2, tvqn);
	check(p2.instance != p.instance, "instance ids are not used again at once");
	down(&p2);

	if (peer_psk) {
		check_status(connect_ctrl(&p, "nobody/serves/this"), NOREPLY,
			     "there is no key for an unknown TVQN");
		connect_ctrl(&p, tvqn);
		down(&p);
		goto names;
	}
	check_status(connect_ctrl(&p, "nobody/serves/this"),
		     VIRTIO_OF_STATUS_ENOTGT, "unknown TVQN is ENOTGT");
	check_status(connect_names(&p.ctrl, ivqn, strlen(ivqn), tvqn,
				   strlen(tvqn), 1024, 0xffff, 0, 0, &done), 0,
		     "the connection can be used for another attempt");
	p.live = true;
	down(&p);
	if (denied) {
		check_status(connect_ctrl(&p, denied),
			     VIRTIO_OF_STATUS_EACLREJECTED,
			     "not on the access list is EACLREJECTED");
		down(&p);
	}

names:
	if (!check(queue_open(&q), "connection for bad names"))
		return;
	check_status(connect_names(&q, "", 0, tvqn, strlen(tvqn), 1024, 0xffff,
				   0, 0, &done),
		     VIRTIO_OF_STATUS_EBADVQN, "empty IVQN is EBADVQN");
	check_status(connect_names(&q, full, 256, tvqn, strlen(tvqn), 1024,
				   0xffff, 0, 0, &done),
		     VIRTIO_OF_STATUS_EBADVQN, "unterminated IVQN is EBADVQN");
	check_status(connect_names(&q, ivqn, 4, full, 256, 1024, 0xffff, 0, 0,
				   &done),
		     VIRTIO_OF_STATUS_EBADVQN, "unterminated TVQN is EBADVQN");
	/* nobody knows how many bytes of a stream that would be */
	if (!peer_streams)
		check_status(connect_names(&q, ivqn, 4, tvqn, strlen(tvqn), 7, 0xffff,
					   0, 0, &done),
			     VIRTIO_OF_STATUS_EBADVQN, "length 7 is EBADVQN");
	check_status(connect_names(&q, ivqn, 4, tvqn, strlen(tvqn), 0, 0xffff,
				   0, 0, &done),
		     VIRTIO_OF_STATUS_EBADVQN, "control queue without names is EBADVQN");
	check_status(connect_names(&q, ivqn, 4, tvqn, strlen(tvqn), 0, 0x7777,
				   0, 0, &done),
		     VIRTIO_OF_STATUS_EBADDEV, "unknown instance is EBADDEV");
	queue_close(&q);
}

static void test_control(void)
{
	union virtio_of_command c;
	union virtio_of_completion done;
	struct desc d = { 0, 4096 };
	uint64_t f, df;
	struct peer p;

	if (!check(!connect_ctrl(&p, tvqn), "instance for control commands"))
		return;
	check_status(queue_simple(&p.ctrl, VIRTIO_OF_OP_KEEPALIVE, NULL), 0,
		     "Keepalive");
	check_status(feature(&p, VIRTIO_OF_OP_GET_FEATURE, 0, 0, &f), 0,
		     "Get Feature");
	printf("# features 0x%llx\n", (unsigned long long)f);
	check(!feature(&p, VIRTIO_OF_OP_GET_FEATURE, 1, 0, &df) && !df,
	      "feature word 1 is 0");
	check_status(feature(&p, VIRTIO_OF_OP_SET_FEATURE, 0, f | 1ULL << 40, NULL),
		     VIRTIO_OF_STATUS_EFEATURE, "a feature not offered is EFEATURE");
	check_status(feature(&p, VIRTIO_OF_OP_SET_FEATURE, 0, f, NULL), 0,
		     "Set Feature");
	check_status(queue_simple(&p.ctrl, VIRTIO_OF_OP_GET_KEYED_NUM_DESCS, &done),
		     f & 1 ? 0 : VIRTIO_OF_STATUS_ENOCMD,
		     "Get Keyed Number Descriptors");
	check(!queue_simple(&p.ctrl, VIRTIO_OF_OP_GET_DEVICE_ID, &done) &&
	      le32toh(done.id.id) == 2, "device id is 2");
	check_status(queue_simple(&p.ctrl, VIRTIO_OF_OP_GET_VENDOR_ID, &done), 0,
		     "Get Vendor ID");
	check(!feature(&p, VIRTIO_OF_OP_GET_DEVICE_FEATURE, 0, 0, &df) &&
	      df & 1ULL << 32, "VERSION_1 is offered");
	check(!(df & 0x3fe30000000ULL & ~(1ULL << 32)),
	      "no feature of the ring is offered");
	check_status(feature(&p, VIRTIO_OF_OP_SET_DRIVER_FEATURE, 0,
			     df | 1ULL << 28, NULL),
		     VIRTIO_OF_STATUS_EDEVFEATURE,
		     "a driver feature not offered is EDEVFEATURE");
	check_status(feature(&p, VIRTIO_OF_OP_SET_DRIVER_FEATURE, 1, 1, NULL),
		     VIRTIO_OF_STATUS_EDEVFEATURE, "nor in word 1");
	set_status(&p, 3);
	check(!feature(&p, VIRTIO_OF_OP_SET_DRIVER_FEATURE, 0, 0, NULL) &&
	      !set_status(&p, 11) && get_status(&p) == 3,
	      "FEATURES_OK without VERSION_1 reads back clear");
	feature(&p, VIRTIO_OF_OP_SET_DRIVER_FEATURE, 0, df, NULL);
	check(!set_status(&p, 11) && get_status(&p) == 11, "FEATURES_OK stays");
	check_status(set_status(&p, 1), VIRTIO_OF_STATUS_ESTATUS,
		     "clearing status bits is ESTATUS");
	check_status(queue_simple(&p.ctrl, VIRTIO_OF_OP_RESET_DEVICE, NULL), 0,
		     "Reset Device");
	check(get_status(&p) == 0, "status is 0 after it");
	set_status(&p, 3);
	check(!set_status(&p, 0) && get_status(&p) == 0, "Set Status 0 is a reset");

	check_status(config(&p, VIRTIO_OF_OP_GET_CONFIG, 0, 8, 0, &done), 0,
		     "Get Config");
	printf("# capacity %llu sectors\n",
	       (unsigned long long)le64toh(done.config.config));
	check_status(config(&p, VIRTIO_OF_OP_GET_CONFIG, 0, 3, 0, NULL),
		     VIRTIO_OF_STATUS_ECONFBYTES, "width 3 is ECONFBYTES");
	check_status(config(&p, VIRTIO_OF_OP_GET_CONFIG, 0xfffe, 8, 0, NULL),
		     VIRTIO_OF_STATUS_ECONFOFF, "outside is ECONFOFF");
	check_status(config(&p, VIRTIO_OF_OP_SET_CONFIG, 0, 8, 1, NULL),
		     VIRTIO_OF_STATUS_ECONFOFF, "the capacity cannot be set");

	memset(&c, 0, sizeof(c));
	c.get_vq_size.opcode = htole16(VIRTIO_OF_OP_GET_VQ_SIZE);
	check(!queue_call(&p.ctrl, &c, NULL, 0, &done) &&
	      le16toh(done.get_vq_size.size), "Get VQ Size");
	memset(&c, 0, sizeof(c));
	c.get_vq_size.opcode = htole16(VIRTIO_OF_OP_GET_VQ_SIZE);
	c.get_vq_size.vq_index = htole16(4096);
	check_status(queue_call(&p.ctrl, &c, NULL, 0, NULL),
		     VIRTIO_OF_STATUS_EQUEUEQUOT, "of none is EQUEUEQUOT");
	check_status(queue_simple(&p.ctrl, 0x4242, NULL),
		     VIRTIO_OF_STATUS_ENOCMD, "unknown opcode is ENOCMD");
	memset(&c, 0, sizeof(c));
	c.vq.opcode = htole16(VIRTIO_OF_OP_VQ);
	c.vq.out_length = htole32(4096);
	check_status(queue_call(&p.ctrl, &c, &d, 1, NULL),
		     VIRTIO_OF_STATUS_ENOCMD, "VQ on the control queue is ENOCMD");
	down(&p);
}

static void test_queues(void)
{
	struct queue q;
	struct peer p;
	uint64_t f = 0;
	bool eager;

	if (!check(!connect_ctrl(&p, tvqn), "instance for virtqueues"))
		return;
	feature(&p, VIRTIO_OF_OP_GET_FEATURE, 0, 0, &f);
	eager = f & 1ULL << VIRTIO_OF_F_KEYED_EAGER_BUF;
	check_status(get_eager(&p, &q, 0, 4), eager ? VIRTIO_OF_STATUS_ESTATUS :
		     VIRTIO_OF_STATUS_ENOCMD,
		     "no eager buffers before the virtqueue");
	check_status(connect_vq(&p, &q, 4000, 0), VIRTIO_OF_STATUS_EQUEUEQUOT,
		     "virtqueue 4000 is EQUEUEQUOT");
	queue_close(&q);
	check_status(connect_vq(&p, &q, 0, 0xffff), VIRTIO_OF_STATUS_EQSIZEQUOT,
		     "queue size 65535 is EQSIZEQUOT");
	queue_close(&q);
	check_status(connect_vq(&p, &p.vq, 0, 0), 0, "Connect of a virtqueue");
	check_status(connect_vq(&p, &q, 0, 0), VIRTIO_OF_STATUS_EQUEUEBUSY,
		     "once more is EQUEUEBUSY");
	queue_close(&q);
	queue_open(&q);
	check_status(connect_names(&q, "other", 5, tvqn, strlen(tvqn), 1024,
				   p.instance, 0, 0, NULL),
		     VIRTIO_OF_STATUS_EBADVQN, "other names are EBADVQN");
	queue_close(&q);
	check_status(get_eager(&p, &p.vq, 0, 64), eager ? 0 :
		     VIRTIO_OF_STATUS_ENOCMD, "eager buffers");
	printf("# eager: %u bytes in %u pieces\n", p.vq.eager_len, p.vq.n_eager);
	check_status(queue_simple(&p.vq, VIRTIO_OF_OP_KEEPALIVE, NULL),
		     VIRTIO_OF_STATUS_ENOCMD, "Keepalive on a virtqueue is ENOCMD");
	check_status(queue_simple(&p.vq, VIRTIO_OF_OP_DISCONNECT, NULL), 0,
		     "Disconnect of a virtqueue");
	queue_close(&p.vq);
	check_status(connect_vq(&p, &p.vq, 0, 16), 0, "it can be connected again");
	/* lost without Disconnect: free again after a moment */
	queue_close(&p.vq);
	for (int i = 0; i < 50; i++) {
		if (!connect_vq(&p, &p.vq, 0, 16))
			break;
		queue_close(&p.vq);
		usleep(100000);
	}
	check(p.vq.open, "and after its connection was lost");
	down(&p);
}

static void test_data(void)
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

static void test_blk(void)
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

	if (readonly_ && check(up(&p, readonly_, 0, true), "read-only device")) {
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
static void test_life(void)
{
	union virtio_of_completion done;
	uint16_t ids[8];
	struct peer p;
	bool ok;

	if (!check(up(&p, tvqn, 4, false), "instance without DRIVER_OK"))
		return;
	header(&p.vq, 0, VIRTIO_BLK_T_FLUSH, 0);
	for (int i = 0; i < 4; i++)
		ids[i] = post_vq(&p.vq, false, 0, 0, 16, 1, 1);
	check(!queue_any(&p.vq, &done, 300), "held before DRIVER_OK");
	ids[4] = post_vq(&p.vq, false, 0, 0, 16, 1, 1);
	check(queue_wait(&p.vq, ids[4], &done, 5000) &&
	      le16toh(done.common.status) == VIRTIO_OF_STATUS_ECMDQUOT,
	      "one more than the queue holds is ECMDQUOT");
	set_status(&p, 15);
	ok = true;
	for (int i = 0; i < 4; i++)
		ok &= queue_wait(&p.vq, ids[i], &done, 5000) &&
		      !done.common.status;
	check(ok, "executed after DRIVER_OK");

	check_status(queue_simple(&p.ctrl, VIRTIO_OF_OP_RESET_DEVICE, NULL), 0,
		     "reset while idle");
	for (int i = 0; i < 4; i++)
		ids[i] = post_vq(&p.vq, false, 0, 0, 16, 1, 1);
	usleep(300000);
	check_status(queue_simple(&p.ctrl, VIRTIO_OF_OP_RESET_DEVICE, NULL), 0,
		     "reset while commands are held");
	ok = true;
	for (int i = 0; i < 4; i++)
		ok &= queue_wait(&p.vq, ids[i], &done, 5000) &&
		      le16toh(done.common.status) == VIRTIO_OF_STATUS_ESTATUS &&
		      !done.vq.length;
	check(ok, "they end with ESTATUS");
	init_status(&p, true);
	check(blk_write(&p.vq, false, 0, 0, 4096, 1, 1) &&
	      blk_verify(&p.vq, p.vq.eager_len != 0, 0, 4096, 1, 1),
	      "virtqueue and eager buffers survive a reset");

	queue_simple(&p.ctrl, VIRTIO_OF_OP_RESET_DEVICE, NULL);
	for (int i = 0; i < 4; i++)
		ids[i] = post_vq(&p.vq, false, 0, 0, 16, 1, 1);
	check_status(queue_simple(&p.vq, VIRTIO_OF_OP_DISCONNECT, NULL), 0,
		     "Disconnect with held commands");
	ok = true;
	for (int i = 0; i < 4; i++)
		ok &= queue_wait(&p.vq, ids[i], &done, 100) &&
		      le16toh(done.common.status) == VIRTIO_OF_STATUS_ESTATUS;
	check(ok, "which ended with ESTATUS before");
	ids[0] = post_vq(&p.vq, false, 0, 0, 16, 1, 1);
	check(queue_wait(&p.vq, ids[0], &done, 1000) &&
	      le16toh(done.common.status) == VIRTIO_OF_STATUS_ESTATUS,
	      "nothing is executed after it");
	queue_close(&p.vq);
	check_status(queue_simple(&p.ctrl, VIRTIO_OF_OP_DISCONNECT, NULL), 0,
		     "Disconnect of the control queue");
	check(queue_ends(&p.ctrl, 5000), "the target hangs up after it");
	down(&p);
}

/* Many requests in flight, with verification. */
static void test_depth(void)
{
	union virtio_of_completion done;
	struct peer p;
	bool ok = true;
	const unsigned int depth = 32, size = 4096, step = 65536;

	if (!check(up(&p, tvqn, 64, true), "instance for depth"))
		return;
	for (unsigned int round = 0; round < 20 && ok; round++) {
		for (unsigned int i = 0; i < depth; i++) {
			uint64_t base = (uint64_t)i * step;
			bool eager = p.vq.eager_len >= (i + 1) * 8192 && i % 3;

			header(&p.vq, base, VIRTIO_BLK_T_OUT, 4096 + i * 8);
			fill(p.vq.buf + base + 16, size, round * 100 + i);
			post_vq(&p.vq, eager, base, i * 8192 + 4080, 16 + size, 1,
				eager ? 1 : p.max_descs > 1 ? 2 : 1);
		}
		for (unsigned int i = 0; i < depth; i++)
			ok &= queue_any(&p.vq, &done, 15000) && !done.common.status;
		for (unsigned int i = 0; i < depth; i++) {
			header(&p.vq, i * step, VIRTIO_BLK_T_IN, 4096 + i * 8);
			post_vq(&p.vq, false, i * step, 0, 16, size + 1,
				p.max_descs > 1 ? 2 : 1);
		}
		for (unsigned int i = 0; i < depth; i++)
			ok &= queue_any(&p.vq, &done, 15000) && !done.common.status;
		for (unsigned int i = 0; i < depth && ok; i++)
			ok &= holds(p.vq.buf + i * step + IN_AT, size,
				    round * 100 + i) &&
			      !p.vq.buf[i * step + IN_AT + size];
	}
	check(ok, "20 rounds of 32 writes and 32 reads in flight");

	/* staging memory runs out, requests wait, none is lost */
	for (unsigned int i = 0; i < 60; i++) {
		header(&p.vq, 0, VIRTIO_BLK_T_IN, 0);
		post_vq(&p.vq, false, 0, 0, 16, (1 << 20) + 1,
			p.max_descs > 1 ? 2 : 1);
	}
	for (unsigned int i = 0; i < 60; i++)
		ok &= queue_any(&p.vq, &done, 60000) && !done.common.status;
	check(ok, "60 reads of 1 MiB in flight");
	down(&p);
}

#define ROW	24U	/* requests, and how far apart their headers are */

/* ROW requests, sent at once; @at has where each wants its @in bytes, from IN_AT on. */
static bool row(struct peer *p, uint32_t type, const uint32_t *at, uint32_t in)
{
	union virtio_of_completion done;
	union virtio_of_command c;
	bool ok = true;

	memset(p->vq.buf + IN_AT, 0xa5, 1 << 20);
	for (unsigned int i = 0; i < ROW; i++) {
		struct desc d[] = { { i * ROW, 16 }, { IN_AT + at[i], in } };

		header(&p->vq, i * ROW, type, 4096 + i);
		memset(&c, 0, sizeof(c));
		c.vq.opcode = htole16(VIRTIO_OF_OP_VQ);
		c.vq.out_length = htole32(16);
		c.vq.in_length = htole32(in);
		queue_command(&p->vq, &c, d, 2);
	}
	for (unsigned int i = 0; i < ROW; i++)
		ok &= queue_any(&p->vq, &done, 15000) && !done.common.status &&
		      le32toh(done.vq.length) == in;
	return ok;
}

/* Only the @n bytes at @at were written. */
static bool untouched_around(const struct queue *q, uint32_t at, uint32_t n)
{
	const uint8_t *p = q->buf + IN_AT + at;

	return (!at || p[-1] == 0xa5) && p[n] == 0xa5;
}

static bool zero(const uint8_t *p, uint32_t n)
{
	while (n && !*p) {
		p++;
		n--;
	}
	return !n;
}

/* A row of reads into places that together are one piece. */
static bool row_read(struct queue *q, struct peer *p, const uint32_t *at,
		     uint32_t size)
{
	uint32_t first = at[0] < at[ROW - 1] ? at[0] : at[ROW - 1];
	bool ok = row(p, VIRTIO_BLK_T_IN, at, size + 1);

	for (unsigned int i = 0; i < ROW; i++)
		ok &= holds(q->buf + IN_AT + at[i], size, 900 + i) &&
		      !q->buf[IN_AT + at[i] + size];
	return ok && untouched_around(q, first, ROW * (size + 1));
}

/* Answers whose places have to do with each other: the target may join them. */
static void test_row(void)
{
	const uint32_t first = 4096 - 7, size = 512;
	uint32_t at[ROW];
	struct peer p;
	struct queue *q = &p.vq;
	bool ok;

	if (!check(up(&p, tvqn, 64, true), "instance for answers in a row"))
		return;
	if (p.max_descs < 2) {
		down(&p);
		return;
	}
	for (unsigned int i = 0; i < ROW; i++)
		at[i] = first + i;
	check(row(&p, VIRTIO_BLK_T_FLUSH, at, 1) && zero(q->buf + IN_AT + first, ROW) &&
	      untouched_around(q, first, ROW), "status bytes side by side");
	for (unsigned int i = 0; i < ROW; i++)
		at[i] = first + ROW - i;
	check(row(&p, VIRTIO_BLK_T_FLUSH, at, 1) &&
	      zero(q->buf + IN_AT + first + 1, ROW) &&
	      untouched_around(q, first + 1, ROW), "the same, backwards");
	for (unsigned int i = 0; i < ROW; i++)
		at[i] = first + 2 * i;
	ok = row(&p, VIRTIO_BLK_T_FLUSH, at, 1);
	for (unsigned int i = 0; i < ROW; i++)
		ok &= !q->buf[IN_AT + at[i]] && untouched_around(q, at[i], 1);
	check(ok, "a gap behind each");
	for (unsigned int i = 0; i < ROW; i++)
		at[i] = first;
	check(row(&p, VIRTIO_BLK_T_FLUSH, at, 1) && !q->buf[IN_AT + first] &&
	      untouched_around(q, first, 1), "all in one place");

	for (unsigned int i = 0; i < ROW; i++)
		blk_write(q, false, 0, 4096 + i, size, 900 + i, 1);
	for (unsigned int i = 0; i < ROW; i++)
		at[i] = first + i * (size + 1);
	check(row_read(q, &p, at, size), "data with status side by side");
	for (unsigned int i = 0; i < ROW; i++)
		at[i] = first + (ROW - 1 - i) * (size + 1);
	check(row_read(q, &p, at, size), "the same, backwards");
	down(&p);
}

static void hostile(const char *what, bool on_vq, const void *msg, uint32_t len)
{
	struct queue *q;
	struct peer p;

	if (!up(&p, tvqn, 4, true)) {
		check(false, what);
		down(&p);
		return;
	}
	q = on_vq ? &p.vq : &p.ctrl;
	queue_send(q, msg, len);
	check(queue_ends(q, 5000), what);
	if (on_vq)
		check_status(queue_simple(&p.ctrl, VIRTIO_OF_OP_KEEPALIVE, NULL),
			     0, "... and that connection only");
	queue_close(&p.vq);
	queue_close(&p.ctrl);
}

static void test_hostile(void)
{
	uint8_t msg[16 + 16 * PEER_MAX_DESCS] = { 0 };
	union virtio_of_command *c = (void *)msg;
	struct queue q;

	queue_open(&q);
	c->common.opcode = htole16(VIRTIO_OF_OP_KEEPALIVE);
	queue_send(&q, msg, 16);
	check(queue_ends(&q, 5000), "first command is not Connect");
	queue_close(&q);

	if (peer_streams)
		goto silence;
	hostile("message of 0 bytes", false, msg, 0);
	hostile("message of 15 bytes", false, msg, 15);
	hostile("message of 15 bytes on a virtqueue", true, msg, 15);
	hostile("message of 17 bytes", false, msg, 17);
	hostile("two descriptors on the control queue", false, msg, 48);
	c->vq.opcode = htole16(VIRTIO_OF_OP_VQ);
	c->vq.out_length = htole32(16);
	hostile("lengths do not add up", true, msg, 32);
	c->vq_keyed_eager_buf.opcode = htole16(VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF);
	c->vq_keyed_eager_buf.in_length = htole32(1);
	hostile("eager lengths do not add up", true, msg, 16);
	hostile("more descriptors than the limit", true, msg, sizeof(msg));
	c->vq.opcode = htole16(VIRTIO_OF_OP_VQ);
	c->vq.out_length = htole32(0xffffffff);
	c->vq.in_length = htole32(1);
	hostile("sum that wraps in 32 bits", true, msg, 32);

	/* a key that is nobody's: the RDMA READ fails, and with it the queue */
	memset(msg, 0, 48);
	c->vq.opcode = htole16(VIRTIO_OF_OP_VQ);
	c->vq.out_length = htole32(16);
	msg[16] = 0x10;
	msg[24] = 16;
	msg[28] = 0x77;
	hostile("wrong key", true, msg, 32);

	{
		struct peer p;

		check(up(&p, tvqn, 4, true) &&
		      blk_write(&p.vq, false, 0, 0, 4096, 3, 1),
		      "the target still serves");
		down(&p);
	}
silence:
	if (reap) {
		queue_open(&q);
		check(queue_ends(&q, reap * 1000 + 3000),
		      "a silent connection is ended");
		queue_close(&q);
	}
}

static void test_fence(void)
{
	struct peer a, b;

	if (!check(up(&a, tvqn, 16, true), "instance to be fenced"))
		return;
	check(up(&b, tvqn, 16, true), "the same names again");
	check(queue_ends(&a.ctrl, 5000) && queue_ends(&a.vq, 5000),
	      "the old instance has ended");
	check(blk_write(&b.vq, false, 0, 0, 4096, 3, 1), "the new one works");
	queue_close(&a.vq);
	queue_close(&a.ctrl);
	down(&b);

	if (!slow || !check(up(&a, slow, 16, true), "slow device"))
		return;
	check(blk_write(&a.vq, false, 0, 0, 4096, 2222, 1), "a write");
	/* one that waits in the old instance must not land any more */
	header(&a.vq, 0, VIRTIO_BLK_T_OUT, 0);
	fill(a.vq.buf + 16, 4096, 1111);
	post_vq(&a.vq, false, 0, 0, 16 + 4096, 1, 1);
	usleep(500000);
	check(up(&b, slow, 16, true), "its initiator comes back");
	sleep(3);
	check(blk_verify(&b.vq, false, 0, 4096, 2222, 1),
	      "no stale write has landed");
	queue_close(&a.vq);
	queue_close(&a.ctrl);
	/* reset cancels what waits */
	header(&b.vq, 0, VIRTIO_BLK_T_OUT, 0);
	{
		union virtio_of_completion done;
		uint16_t id = post_vq(&b.vq, false, 0, 0, 16 + 4096, 1, 1);

		usleep(300000);
		check_status(queue_simple(&b.ctrl, VIRTIO_OF_OP_RESET_DEVICE, NULL),
			     0, "reset with a request in flight");
		check(queue_wait(&b.vq, id, &done, 1000) &&
		      le16toh(done.common.status) == VIRTIO_OF_STATUS_ESTATUS,
		      "which has been completed");
	}
	down(&b);
}

/* Is it one of those, which are separated by commas? */
static bool among(const char *name, const char *list)
{
	size_t n = strlen(name);

	for (const char *p = list; p; p = strchr(p, ','), p = p ? p + 1 : NULL)
		if (!strncmp(p, name, n) && (!p[n] || p[n] == ','))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "addr", 1, NULL, 'a' }, { "port", 1, NULL, 'p' },
		{ "tvqn", 1, NULL, 't' }, { "ivqn", 1, NULL, 'i' },
		{ "denied", 1, NULL, 'd' }, { "readonly", 1, NULL, 'r' },
		{ "slow", 1, NULL, 's' }, { "rng", 1, NULL, 'g' },
		{ "reap", 1, NULL, 'R' }, { "only", 1, NULL, 'o' },
		{ "psk", 1, NULL, 'k' }, { "identity", 1, NULL, 'I' },
		{ "keyed", 1, NULL, 'K' }, { "patience", 1, NULL, 'P' },
		{ NULL, 0, NULL, 0 }
	};
	static const struct {
		const char *name;
		void (*fn)(void);
	} tests[] = {
		{ "connect", test_connect }, { "control", test_control },
		{ "queues", test_queues }, { "data", test_data },
		{ "blk", test_blk }, { "life", test_life },
		{ "depth", test_depth }, { "row", test_row },
		{ "hostile", test_hostile }, { "fence", test_fence },
		{ "stream", test_stream }, { "stall", test_stall },
		{ "tls", test_tls },
	};
	struct timespec t0, t1;
	const char *only = NULL;
	char *url = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		switch (c) {
		case 'a':
			url = optarg;
			break;
		case 'p':
			peer_port = optarg;
			break;
		case 't':
			tvqn = optarg;
			break;
		case 'i':
			ivqn = optarg;
			break;
		case 'd':
			denied = optarg;
			break;
		case 'r':
			readonly_ = optarg;
			break;
		case 's':
			slow = optarg;
			break;
		case 'g':
			rng = optarg;
			break;
		case 'R':
			reap = atoi(optarg);
			break;
		case 'o':
			only = optarg;
			break;
		case 'k':
			peer_psk = optarg;
			break;
		case 'I':
			peer_identity = optarg;
			break;
		case 'K':
			keyed = optarg;
			break;
		case 'P':
			patience = atoi(optarg);
			break;
		default:
			return 2;
		}
	}
	if (!url || optind < argc || !peer_url(url)) {
		fprintf(stderr, "usage: vof-peer --addr URL [--port P] --tvqn NAME\n"
			"  [--ivqn NAME] [--denied NAME] [--readonly NAME] [--slow NAME]\n"
			"  [--rng NAME] [--reap SECONDS] [--only TEST,TEST...]\n"
			"  [--psk HEX] [--identity NAME] [--keyed NAME] [--patience SECONDS]\n");
		return 2;
	}
	printf("TAP version 13\n");
	for (unsigned int i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (only && !among(tests[i].name, only))
			continue;
		printf("# %s\n", tests[i].name);
		clock_gettime(CLOCK_MONOTONIC, &t0);
		tests[i].fn();
		clock_gettime(CLOCK_MONOTONIC, &t1);
		printf("# %s took %ld ms\n", tests[i].name,
		       (long)(t1.tv_sec - t0.tv_sec) * 1000 +
		       (t1.tv_nsec - t0.tv_nsec) / 1000000);
	}
	printf("1..%u\n", n_tests);
	return n_failed || !n_tests ? 1 : 0;
}
