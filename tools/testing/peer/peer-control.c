// SPDX-License-Identifier: GPL-2.0
/* Tests of control commands: Connect, what an instance is asked and told, its queues. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

void test_connect(void)
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

void test_control(void)
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

void test_queues(void)
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
	/* lost without Disconnect: a stream at once, else free again after a moment */
	queue_close(&p.vq);
	for (int i = 0; i < (peer_streams ? 1 : 50); i++) {
		if (!connect_vq(&p, &p.vq, 0, 16))
			break;
		queue_close(&p.vq);
		usleep(100000);
	}
	check(p.vq.open, "and after its connection was lost");
	down(&p);
}
