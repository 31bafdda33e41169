// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of a target's streams: messages in any pieces, refused bodies, peers that do not
 * send on or do not receive; and of TLS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/virtio_blk.h>

#include "peer.h"

#define MIB	(1U << 20)

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* A VQ command as bytes, from the buffer at @base. */
static size_t vq_bytes(struct queue *q, uint64_t base, uint32_t out, uint32_t in, uint8_t *to,
		       uint16_t *id)
{
	struct desc d[] = { { base, out }, { base + IN_AT, in } };
	union virtio_of_command c = {
		.vq = {
			.opcode = htole16(VIRTIO_OF_OP_VQ),
			.out_length = htole32(out),
			.in_length = htole32(in),
		},
	};
	size_t len = stream_message(q, &c, d, 2, to);

	*id = le16toh(c.common.command_id);
	return len;
}

size_t write_bytes(struct queue *q, uint64_t base, uint64_t sector, uint32_t len,
		   uint32_t seed, uint8_t *to, uint16_t *id)
{
	header(q, base, VIRTIO_BLK_T_OUT, sector);
	fill(q->buf + base + 16, len, seed);
	return vq_bytes(q, base, 16 + len, 1, to, id);
}

static bool fine(struct queue *q, uint16_t id, uint32_t length)
{
	union virtio_of_completion done;

	return queue_wait(q, id, &done, 10000) && !done.common.status &&
	       le32toh(done.vq.length) == length;
}

/* A write, cut in two at every byte: the target sees the first part by itself. */
static void cut_at_every_byte(struct peer *p)
{
	static uint8_t bytes[16 + PEER_BUF];
	struct queue *q = &p->vq;
	uint16_t id;
	size_t len = 1;
	bool ok = true;

	for (size_t cut = 0; ok && cut < len; cut++) {
		len = write_bytes(q, 0, 8, 512, cut, bytes, &id);
		stream_send(q, bytes, cut);
		usleep(100);
		stream_send(q, bytes + cut, len - cut);
		ok = fine(q, id, 1) && !q->buf[IN_AT] && blk_verify(q, false, 8, 512, cut, 1);
	}
	check(ok, "a write that is cut at every byte");
	len = write_bytes(q, 0, 8, 512, 4711, bytes, &id);
	for (size_t i = 0; i < len; i++) {
		stream_send(q, bytes + i, 1);
		if (i % 64 == 0)
			usleep(100);
	}
	check(fine(q, id, 1) && blk_verify(q, false, 8, 512, 4711, 1), "byte by byte");
}

/* Many of both kinds in one piece, and in pieces of odd lengths. */
static void glued(struct peer *p, size_t piece, const char *what)
{
	static uint8_t bytes[PEER_BUF];
	const unsigned int n = 24;
	struct queue *q = &p->vq;
	uint16_t ids[48];
	size_t len = 0;
	bool ok = true;

	for (unsigned int i = 0; i < n; i++) {
		header(q, i * 65536, VIRTIO_BLK_T_IN, 1000 + i * 40);
		len += write_bytes(q, i * 65536, 1000 + i * 40, 512 * (i + 1), i, bytes + len,
				   &ids[i]);
	}
	for (size_t i = 0; i < len; i += piece) {
		stream_send(q, bytes + i, len - i < piece ? len - i : piece);
		if (piece < len)
			usleep(50);
	}
	for (unsigned int i = 0; i < n; i++)
		ok &= fine(q, ids[i], 1);
	len = 0;
	for (unsigned int i = 0; i < n; i++) {
		header(q, i * 65536, VIRTIO_BLK_T_IN, 1000 + i * 40);
		len += vq_bytes(q, i * 65536, 16, 512 * (i + 1) + 1, bytes + len, &ids[i]);
	}
	for (size_t i = 0; i < len; i += piece)
		stream_send(q, bytes + i, len - i < piece ? len - i : piece);
	for (unsigned int i = 0; i < n; i++)
		ok &= fine(q, ids[i], 512 * (i + 1) + 1) &&
		      holds(q->buf + i * 65536 + IN_AT, 512 * (i + 1), i);
	check(ok, what);
}

/* Bodies of commands that are refused do not become commands. */
static void unwanted_bodies(void)
{
	static uint8_t bytes[16 + PEER_BUF];
	union virtio_of_completion done;
	struct peer p;
	uint16_t ids[8];
	size_t len;
	bool ok = true;

	if (!check(up(&p, tvqn, 4, false), "instance for refused bodies"))
		return;
	for (int i = 0; i < 6; i++) {
		len = write_bytes(&p.vq, 0, 0, i == 5 ? 2 * MIB : 4096, i, bytes, &ids[i]);
		stream_send(&p.vq, bytes, len);
	}
	for (int i = 4; i < 6; i++)
		ok &= queue_wait(&p.vq, ids[i], &done, 5000) &&
		      le16toh(done.common.status) == VIRTIO_OF_STATUS_ECMDQUOT;
	check(ok, "ECMDQUOT with 4 KiB and with 2 MiB behind it");
	check_status(queue_simple(&p.ctrl, VIRTIO_OF_OP_RESET_DEVICE, NULL), 0,
		     "reset while writes are held");
	for (int i = 0; i < 4; i++)
		ok &= queue_wait(&p.vq, ids[i], &done, 1000) &&
		      le16toh(done.common.status) == VIRTIO_OF_STATUS_ESTATUS;
	check(ok, "they end with ESTATUS");
	for (int i = 0; i < 3; i++) {
		len = write_bytes(&p.vq, 0, 0, MIB, i, bytes, &ids[i]);
		stream_send(&p.vq, bytes, len);
	}
	check_status(queue_simple(&p.vq, VIRTIO_OF_OP_DISCONNECT, NULL), 0,
		     "Disconnect with held writes");
	for (int i = 0; i < 3; i++)
		ok &= queue_wait(&p.vq, ids[i], &done, 1000) &&
		      le16toh(done.common.status) == VIRTIO_OF_STATUS_ESTATUS;
	len = write_bytes(&p.vq, 0, 0, 65536, 9, bytes, &ids[0]);
	stream_send(&p.vq, bytes, len);
	check(ok && queue_wait(&p.vq, ids[0], &done, 1000) &&
	      le16toh(done.common.status) == VIRTIO_OF_STATUS_ESTATUS,
	      "what follows it is dropped with its body");
	/* a VQ command where there are none, with a body that looks like commands */
	memset(p.ctrl.buf, 0, 4096);
	len = vq_bytes(&p.ctrl, 0, 4096, 1, bytes, &ids[0]);
	stream_send(&p.ctrl, bytes, len);
	check(queue_wait(&p.ctrl, ids[0], &done, 5000) &&
	      le16toh(done.common.status) == VIRTIO_OF_STATUS_ENOCMD &&
	      !queue_simple(&p.ctrl, VIRTIO_OF_OP_KEEPALIVE, NULL),
	      "ENOCMD of the control queue, with a body");
	down(&p);
}

/* A read that fails tells so, and sends nothing that nobody has read. */
static void failed_reads(struct peer *p)
{
	static const uint8_t zeroes[65536];
	struct queue *q = &p->vq;
	struct result r;

	header(q, 0, VIRTIO_BLK_T_IN, ~0ULL);
	r = request(q, false, 0, 16, 65537, 1);
	check(!r.status && r.length == 65537 && r.byte == VIRTIO_BLK_S_IOERR &&
	      !memcmp(q->buf + IN_AT, zeroes, 65536), "a failed read of 64 KiB is zeroes");
	header(q, 0, VIRTIO_BLK_T_IN, ~0ULL);
	r = request(q, false, 0, 16, 65538, 1);
	check(r.status == VIRTIO_OF_STATUS_EINVQBUF && !r.length && r.byte == 0xa5,
	      "a longer one is EINVQBUF");
}

static void endings(void)
{
	static const uint32_t lengths[] = { 1, 7, 1023, 1025, 0x80000000, 0xffffffff };
	static const uint8_t hello[] = { 0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3 };
	static uint8_t junk[16 + 65536];
	union virtio_of_command c;
	struct queue q;
	char what[80];

	for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memset(&c, 0, sizeof(c));
		c.connect.device_instance_id = htole16(0xffff);
		c.connect.length = htole32(lengths[i]);
		queue_open(&q);
		stream_send(&q, &c, 16);
		snprintf(what, sizeof(what), "Connect with %u bytes", lengths[i]);
		check(queue_ends(&q, 3000), what);
		queue_close(&q);
	}
	queue_open(&q);
	memset(junk, 0, sizeof(junk));
	memcpy(junk, hello, sizeof(hello));
	stream_send(&q, junk, 517);
	check(queue_ends(&q, 3000), "a TLS greeting instead of Connect");
	queue_close(&q);

	memset(&c, 0, sizeof(c));
	c.common.opcode = htole16(VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF);
	ends("an eager command on a virtqueue", true, &c, 16);
	ends("an eager command on a control queue", false, &c, 16);
	c.vq.opcode = htole16(VIRTIO_OF_OP_VQ);
	c.vq.out_length = htole32(0xffffffff);
	ends("a body of 4 GiB", true, &c, 16);
	ends("... on a control queue", false, &c, 16);
	memset(&c, 0, sizeof(c));
	c.connect.length = htole32(4096);
	ends("a second Connect, with 4096 bytes", true, &c, 16);

	/* gone in the middle of something */
	for (unsigned int i = 0; i < 3; i++) {
		static const size_t cuts[] = { 7, 16, 3000 };
		static uint8_t bytes[16 + PEER_BUF];
		struct peer p;
		uint16_t id;

		if (!check(up(&p, tvqn, 4, true), "instance to be left"))
			return;
		write_bytes(&p.vq, 0, 0, 4096, 1, bytes, &id);
		stream_send(&p.vq, bytes, cuts[i]);
		usleep(1000);
		queue_close(&p.vq);
		for (int t = 0; t < 50; t++) {
			if (!connect_vq(&p, &p.vq, 0, 4))
				break;
			queue_close(&p.vq);
			usleep(20000);
		}
		snprintf(what, sizeof(what), "a virtqueue that was left after %zu bytes is free",
			 cuts[i]);
		check(blk_write(&p.vq, false, 0, 0, 4096, 1, 1), what);
		down(&p);
	}
}

void test_stream(void)
{
	struct peer p;

	if (!peer_streams)
		return;
	if (!check(up(&p, tvqn, 64, true), "instance for streams"))
		return;
	check_status(queue_simple(&p.ctrl, VIRTIO_OF_OP_GET_KEYED_NUM_DESCS, NULL),
		     VIRTIO_OF_STATUS_ENOCMD, "no keyed commands");
	cut_at_every_byte(&p);
	glued(&p, PEER_BUF, "48 commands in one piece");
	glued(&p, 97, "in pieces of 97 bytes");
	glued(&p, 16384, "in pieces of 16384 bytes");
	failed_reads(&p);
	down(&p);
	unwanted_bodies();
	endings();
}

/* ---- peers that stand still ------------------------------------------------ */

/*
 * Writes and reads of 1 MiB in turn, sent by somebody who receives nothing until he has
 * sent all of it. Whoever keeps the memory of answers from bodies waits for ever here.
 */
static void sends_before_it_receives(void)
{
	static uint8_t bytes[16 + PEER_BUF];
	const unsigned int n = 48;
	uint16_t ids[2 * 48];
	struct peer p;
	bool ok = true;

	if (!check(up(&p, tvqn, 128, true), "instance for writes against reads"))
		return;
	for (unsigned int i = 0; i < n && ok; i++) {
		size_t len = write_bytes(&p.vq, 0, 2048 * (i % 8), MIB, i % 8, bytes, &ids[2 * i]);

		ok = stream_send_blindly(&p.vq, bytes, len, 10000) == len;
		header(&p.vq, 0, VIRTIO_BLK_T_IN, 2048 * (i % 8));
		len = vq_bytes(&p.vq, 0, 16, MIB + 1, bytes, &ids[2 * i + 1]);
		ok &= stream_send_blindly(&p.vq, bytes, len, 10000) == len;
	}
	check(ok, "48 writes and 48 reads of 1 MiB are sent before anything is received");
	for (unsigned int i = 0; i < 2 * n && ok; i++)
		ok = fine(&p.vq, ids[i], i % 2 ? MIB + 1 : 1);
	check(ok, "and all of them are answered");
	down(&p);
}

/* @p stands still: others go on, and it is given up in time. */
static void others_go_on(struct queue *q, const char *what)
{
	struct peer other;
	double begun = now();
	char text[120];
	bool ok;

	ivqn = "peer2";
	ok = up(&other, tvqn, 64, true);
	for (unsigned int i = 0; i < 50 && ok; i++)
		ok = blk_write(&other.vq, false, 0, 4096, 65536, i, 1) &&
		     blk_verify(&other.vq, false, 4096, 65536, i, 1);
	down(&other);
	ivqn = "peer";
	printf("# 100 requests of another one took %.0f ms\n", (now() - begun) * 1000);
	snprintf(text, sizeof(text), "%s: others go on", what);
	check(ok && now() - begun < 3, text);
	if (!patience)
		return;
	/* what waits to be received hides the end, and is not looked at */
	while (now() - begun < 3 * patience + 2) {
		uint8_t byte = 0;

		if (send(stream_fd(q), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
		usleep(1000 * 1000);
	}
	printf("# given up after %.1f s\n", now() - begun);
	snprintf(text, sizeof(text), "%s: it is given up", what);
	check(now() - begun < 2 * patience + 3 && now() - begun > patience - 2, text);
}

void test_stall(void)
{
	static uint8_t bytes[16 + PEER_BUF];
	struct peer p;
	uint16_t id;
	size_t len;

	if (!peer_streams)
		return;
	sends_before_it_receives();
	if (check(up(&p, tvqn, 128, true), "instance that does not receive")) {
		for (unsigned int i = 0; i < 128; i++) {
			header(&p.vq, 0, VIRTIO_BLK_T_IN, 0);
			len = vq_bytes(&p.vq, 0, 16, MIB + 1, bytes, &id);
			stream_send_blindly(&p.vq, bytes, len, 1000);
		}
		others_go_on(&p.vq, "128 reads of 1 MiB that nobody receives");
		queue_close(&p.vq);
		queue_close(&p.ctrl);
	}
	if (check(up(&p, tvqn, 16, true), "instance that does not send on")) {
		len = write_bytes(&p.vq, 0, 0, MIB, 1, bytes, &id);
		stream_send(&p.vq, bytes, len / 2);
		others_go_on(&p.vq, "half of a write and then a byte a second");
		check_status(queue_simple(&p.ctrl, VIRTIO_OF_OP_KEEPALIVE, NULL), 0,
			     "and its control queue is");
		queue_close(&p.vq);
		queue_close(&p.ctrl);
	}
	if (check(up(&p, tvqn, 16, true), "instance that stops in a command")) {
		len = write_bytes(&p.vq, 0, 0, 512, 1, bytes, &id);
		stream_send(&p.vq, bytes, 5);
		others_go_on(&p.vq, "five bytes of a command and then a byte a second");
		queue_close(&p.vq);
		queue_close(&p.ctrl);
	}
}

/* ---- keys ------------------------------------------------------------------ */

static uint16_t tries(const char *psk, const char *identity, const char *name)
{
	const char *was = peer_psk;
	struct peer p;
	uint16_t st;

	peer_psk = psk;
	peer_identity = identity;
	st = connect_ctrl(&p, name);
	down(&p);
	peer_psk = was;
	peer_identity = NULL;
	return st;
}

/* With --psk, the key of ivqn and tvqn, and --keyed, a device that has another one. */
void test_tls(void)
{
	static uint8_t bytes[16 + PEER_BUF];
	char identity[300], wrong[200];
	union virtio_of_completion done;
	struct queue q;
	struct peer p;
	uint16_t id;
	size_t len;

	if (!peer_streams)
		return;
	if (!peer_psk) {
		if (keyed)
			check_status(tries(NULL, NULL, keyed), VIRTIO_OF_STATUS_EACLREJECTED,
				     "a device with keys, without TLS, is EACLREJECTED");
		return;
	}
	snprintf(identity, sizeof(identity), "virtio-of %s %s", ivqn, tvqn);
	snprintf(wrong, sizeof(wrong), "%s", peer_psk);
	wrong[0] = wrong[0] == '0' ? '1' : '0';
	check_status(tries(wrong, NULL, tvqn), NOREPLY, "another key: no connection");
	check_status(tries(peer_psk, "virtio-of nobody nothing", tvqn), NOREPLY,
		     "an identity that nobody knows: no connection");
	if (keyed) {
		check_status(tries(peer_psk, identity, keyed), VIRTIO_OF_STATUS_EACLREJECTED,
			     "the key of one device for another one is EACLREJECTED");
		ivqn = "somebody/else";
		check_status(tries(peer_psk, identity, tvqn), VIRTIO_OF_STATUS_EACLREJECTED,
			     "the key of one initiator for another one is EACLREJECTED");
		ivqn = "peer";
		if (check(!connect_ctrl(&p, tvqn), "instance for a strange virtqueue")) {
			char other[300];

			snprintf(other, sizeof(other), "virtio-of %s %s", ivqn, keyed);
			peer_identity = other;
			check_status(connect_vq(&p, &q, 0, 0), VIRTIO_OF_STATUS_EACLREJECTED,
				     "a virtqueue with another identity is EACLREJECTED");
			queue_close(&q);
			peer_identity = NULL;
			check_status(connect_vq(&p, &p.vq, 0, 0), 0, "with this one it is not");
			down(&p);
		}
	}
	if (!check(up(&p, tvqn, 16, true), "instance by TLS"))
		return;
	memset(bytes, 0, sizeof(bytes));
	len = vq_bytes(&p.vq, 0, 16, 1, bytes, &id);
	stream_send(&p.vq, bytes, len);
	check(queue_wait(&p.vq, id, &done, 5000), "it answers");
	/* not what the key is for: bytes that were never encrypted */
	len = send(stream_fd(&p.vq), bytes, 64, MSG_NOSIGNAL);
	check(len == 64 && queue_ends(&p.vq, 5000), "plain bytes in between end it");
	queue_close(&p.vq);
	down(&p);
}
