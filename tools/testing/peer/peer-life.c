// SPDX-License-Identifier: GPL-2.0
/* Tests of how it ends: Disconnect, nonsense, and the fence between two instances. */
#include <string.h>
#include <unistd.h>

#include <linux/virtio_blk.h>

#include "peer.h"

void test_life(void)
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

void ends(const char *what, bool on_vq, const void *msg, uint32_t len)
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
	check(queue_ends(q, peer_streams ? 3000 : 5000), what);
	if (on_vq)
		check_status(queue_simple(&p.ctrl, VIRTIO_OF_OP_KEEPALIVE, NULL),
			     0, "... and that connection only");
	queue_close(&p.vq);
	queue_close(&p.ctrl);
}

void test_hostile(void)
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
	ends("message of 0 bytes", false, msg, 0);
	ends("message of 15 bytes", false, msg, 15);
	ends("message of 15 bytes on a virtqueue", true, msg, 15);
	ends("message of 17 bytes", false, msg, 17);
	ends("two descriptors on the control queue", false, msg, 48);
	c->vq.opcode = htole16(VIRTIO_OF_OP_VQ);
	c->vq.out_length = htole32(16);
	ends("lengths do not add up", true, msg, 32);
	c->vq_keyed_eager_buf.opcode = htole16(VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF);
	c->vq_keyed_eager_buf.in_length = htole32(1);
	ends("eager lengths do not add up", true, msg, 16);
	ends("more descriptors than the limit", true, msg, sizeof(msg));
	c->vq.opcode = htole16(VIRTIO_OF_OP_VQ);
	c->vq.out_length = htole32(0xffffffff);
	c->vq.in_length = htole32(1);
	ends("sum that wraps in 32 bits", true, msg, 32);

	/* a key that is nobody's: the RDMA READ fails, and with it the queue */
	memset(msg, 0, 48);
	c->vq.opcode = htole16(VIRTIO_OF_OP_VQ);
	c->vq.out_length = htole32(16);
	msg[16] = 0x10;
	msg[24] = 16;
	msg[28] = 0x77;
	ends("wrong key", true, msg, 32);

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

void test_fence(void)
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
