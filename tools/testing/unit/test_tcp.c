// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/tcp_recv.c tools/target/tcp_send.c tools/target/stream.c */
/* link: tools/target/proto.c */
/*
 * Streams of the target, on a real connection, with a TLS that keeps things back: what
 * has arrived when a Reset did, what has left, who is owed a look, who is paid for. And
 * without TLS, what is put in place, and when no more of it is.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../target/tcp.h"
#include "../../target/tls.h"

#define SLOTS	8

/* ---- what they call ---------------------------------------------------------- */

#pragma GCC diagnostic ignored "-Wunused-parameter"

struct config config = { .keepalive = 10 };
static unsigned int commands, activated, charged, sent, worn;
static const char *closed;
static struct {
	uint8_t		bytes[4096];
	size_t		from, to;	/* taken out of the socket */
	unsigned int	empty;		/* tls_recv() says -EINTR so often */
	bool		pending;
	enum tls_step	step;
	unsigned int	shakes;
} tls;

uint64_t loop_now(void)
{
	return 1000;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->fn = fn;
}

void timer_set(struct timer *t, uint64_t ms)
{
	t->when = ms;
}

void timer_cancel(struct timer *t)
{
	t->when = 0;
}

void conn_activate(struct conn *c)
{
	activated++;
}

void conn_charge(struct conn *c, unsigned int cost)
{
	assert_int_equal(tls.shakes, 0);
	charged += cost;
}

static uint8_t disk[8 * STREAM_BLOCK] __attribute__((aligned(STREAM_BLOCK)));
static uint8_t header[16];
static struct slot *written;
static unsigned int fetched;

void conn_received(struct slot *s)
{
	commands++;
	if (s->cmd.out_length)
		tcp_fetch(s, header, sizeof(header));
	else
		tcp_post(s);
}

/* A header, and then all that it was for. */
void conn_fetched(struct slot *s)
{
	written = s;
	if (!fetched++)
		tcp_place(s, disk, s->cmd.out_length - sizeof(header));
}

void conn_flush_later(struct conn *c)
{
}

void conn_room(struct conn *c)
{
}

void conn_sent(struct conn *c)
{
	sent++;
}

void conn_answered(struct slot *s)
{
	s->req.failure = 0;
}

void conn_close(struct conn *c, const char *why)
{
	c->closing = true;
	closed = why;
}

void conn_lost(struct conn *c, const char *why)
{
	conn_close(c, why);
}

bool tcp_large(const struct tcp_conn *t, const struct slot *s)
{
	return false;
}

ssize_t tcp_send_large(struct tcp_conn *t, struct slot *s, uint32_t from)
{
	return -EIO;
}

void tcp_cork(struct tcp_conn *t, bool on)
{
}

enum tls_step tls_handshake(struct tls *t, const char **why)
{
	tls.shakes++;
	return tls.step;
}

const char *tls_identity(const struct tls *t)
{
	return "virtio-of host1 disk1";
}

const uint8_t *tls_key(const struct tls *t, size_t *len)
{
	*len = 3;
	return (const uint8_t *)"key";
}

bool tls_in_kernel(const struct tls *t)
{
	return false;
}

const char *tls_version(const struct tls *t)
{
	return "TLS1.3";
}

ssize_t tls_recv(struct tls *t, const struct iovec *iov, int n)
{
	size_t len = tls.to - tls.from;

	if (tls.empty) {
		tls.empty--;
		return -EINTR;
	}
	if (!len)
		return -EAGAIN;
	if (len > iov->iov_len)
		len = iov->iov_len;
	memcpy(iov->iov_base, tls.bytes + tls.from, len);
	tls.from += len;
	return len;
}

ssize_t tls_send(struct tls *t, const struct iovec *iov, int n, bool more)
{
	ssize_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	return len;
}

bool tls_pending(const struct tls *t)
{
	return tls.pending;
}

int tls_push(struct tls *t)
{
	tls.pending = false;
	return 0;
}

bool tls_worn(const struct tls *t)
{
	return worn >= 1;
}

bool tls_worn_out(const struct tls *t)
{
	return worn >= 2;
}

void log_debug(const char *fmt, ...)
{
}

/* ---- the tests ---------------------------------------------------------------- */

static struct tcp_conn t;
static struct tcp_slot slots[SLOTS];
static uint8_t buf[2 * VIRTIO_OF_PDU_SIZE];
static int peer;

static int begin(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(l, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sa, &len), 0);
	peer = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&sa, sizeof(sa)), 0);

	memset(&t, 0, sizeof(t));
	memset(slots, 0, sizeof(slots));
	memset(&tls, 0, sizeof(tls));
	memset(disk, 0xaa, sizeof(disk));
	commands = 0;
	fetched = 0;
	written = NULL;
	activated = 0;
	charged = 0;
	sent = 0;
	worn = 0;
	closed = NULL;
	t.fd = accept(l, NULL, NULL);
	assert_true(t.fd >= 0);
	close(l);
	assert_int_equal(fcntl(t.fd, F_SETFL, O_NONBLOCK), 0);
	t.tls = (struct tls *)&tls;
	t.c.kind = PROTO_VIRTQUEUE;
	list_init(&t.free);
	list_init(&t.c.flush);
	tcp_send_init(&t);
	stream_init(&t.stream, buf, sizeof(buf));
	for (int i = 0; i < SLOTS; i++) {
		slots[i].s.conn = &t.c;
		slots[i].s.tail = -1;
		tcp_post(&slots[i].s);
	}
	return 0;
}

static int end(void **state)
{
	(void)state;
	close(t.fd);
	close(peer);
	return 0;
}

/* @n commands of a virtqueue that TLS has out of the socket. */
static void tls_has(unsigned int n)
{
	struct virtio_of_command_vq cmd = { .opcode = htole16(VIRTIO_OF_OP_VQ) };

	for (; n; n--) {
		memcpy(tls.bytes + tls.to, &cmd, sizeof(cmd));
		tls.to += VIRTIO_OF_PDU_SIZE;
	}
}

static struct slot *take_slot(void)
{
	struct slot *s = list_first(&t.free, struct slot, sq_node);

	list_del(&s->sq_node);
	return s;
}

static void a_reset_takes_what_tls_has(void **state)
{
	(void)state;
	tls_has(100);
	while (tcp_drain(&t.c))
		;
	assert_null(closed);
	assert_int_equal(commands, 100);
}

static void what_tls_keeps_has_not_arrived(void **state)
{
	struct slot *s = take_slot();

	(void)state;
	s->req.failure = 1;
	tcp_send(s);
	tcp_flush(&t.c);
	assert_false(list_empty(&t.acks));
	tls.pending = true;
	sent = 0;
	t.ack_timer.fn(&t.ack_timer);
	assert_int_equal(sent, 0);
	assert_false(tcp_delivered(&t.c));
	tls.pending = false;
	t.ack_timer.fn(&t.ack_timer);
	assert_int_equal(sent, 1);
	assert_true(tcp_delivered(&t.c));
}

/* Commands were left where they are, for there was no slot: somebody has to look again. */
static void slots_of_failures_come_back(void **state)
{
	(void)state;
	while (!list_empty(&t.free)) {
		struct slot *s = take_slot();

		s->req.failure = 1;
		tcp_send(s);
	}
	tcp_flush(&t.c);
	assert_true(list_empty(&t.free));
	activated = 0;
	t.ack_timer.fn(&t.ack_timer);
	assert_false(list_empty(&t.free));
	assert_int_equal(sent, 2);
	assert_int_equal(activated, 1);
}

static void behind_empty_records(void **state)
{
	(void)state;
	tls_has(1);
	tls.empty = 2;
	t.readable = true;
	for (int i = 0; i < 2; i++)
		assert_true(tcp_poll(&t.c, false));
	assert_int_equal(commands, 0);
	assert_int_equal(tcp_poll(&t.c, false), 2);
	assert_int_equal(commands, 1);
	assert_int_equal(tcp_poll(&t.c, false), 0);
}

static void the_end_in_a_record(void **state)
{
	(void)state;
	t.readable = true;
	t.hung_up = true;
	tcp_poll(&t.c, false);
	assert_string_equal(closed, "peer disconnected");
	t.c.closing = false;
	t.shaking = true;
	t.readable = true;
	tls.step = TLS_READS;
	tcp_poll(&t.c, false);
	assert_non_null(strstr(closed, "gone in the handshake"));
}

static void a_handshake_is_paid_for(void **state)
{
	(void)state;
	t.shaking = true;
	t.readable = true;
	tls.step = TLS_DONE;
	assert_true(tcp_poll(&t.c, false));
	assert_true(charged > 8);
	assert_int_equal(tls.shakes, 1);
	assert_int_equal(t.c.proof_len, 3);
	assert_memory_equal(t.c.proof, "key", 3);
}

/* When nothing is missing, if that is in time. */
static void a_key_that_is_worn(void **state)
{
	(void)state;
	tcp_send(take_slot());
	tcp_flush(&t.c);
	worn = 1;
	t.c.inflight = 1;
	tcp_send(take_slot());
	tcp_flush(&t.c);
	assert_null(closed);
	t.c.inflight = 0;
	tcp_send(take_slot());
	tcp_flush(&t.c);
	assert_non_null(strstr(closed, "records"));
	t.c.closing = false;
	closed = NULL;
	worn = 2;
	t.c.inflight = 1;
	tcp_flush(&t.c);
	assert_non_null(strstr(closed, "records"));
}

/* It is to be reset, see end() of tcp_conn.c. */
static void a_slow_peer_is_given_up(void **state)
{
	(void)state;
	pace_begin(&t.in, 0);
	t.in.since = 0;
	config.keepalive = 0;
	t.pace_timer.fn(&t.pace_timer);
	config.keepalive = 10;
	assert_non_null(strstr(closed, "too slowly"));
	assert_true(t.c.given_up);
}

/* ---- in place ---------------------------------------------------------------- */

/* Nothing more of a write of the whole disk than @bytes of its data, and what is told. */
static void write_part(size_t bytes)
{
	struct virtio_of_command_vq cmd = {
		.opcode = htole16(VIRTIO_OF_OP_VQ),
		.out_length = htole32(sizeof(header) + sizeof(disk)),
	};
	static uint8_t data[sizeof(disk)], large[2 * STREAM_BLOCK];

	t.tls = NULL;
	stream_init(&t.stream, large, sizeof(large));
	memset(data, 0x55, sizeof(data));
	assert_int_equal(write(peer, &cmd, sizeof(cmd)), sizeof(cmd));
	assert_int_equal(write(peer, data, sizeof(header)), sizeof(header));
	assert_int_equal(write(peer, data, bytes), bytes);
	t.readable = true;
	while (t.readable)
		tcp_poll(&t.c, false);
	assert_int_equal(fetched, 1);
}

static void more(size_t bytes)
{
	static uint8_t data[sizeof(disk)];

	memset(data, 0x55, sizeof(data));
	assert_int_equal(write(peer, data, bytes), bytes);
	t.readable = true;
	while (t.readable && !closed)
		tcp_poll(&t.c, false);
}

static void check_disk(unsigned int blocks)
{
	for (size_t i = 0; i < sizeof(disk); i++)
		assert_int_equal(disk[i], i < blocks * STREAM_BLOCK ? 0x55 : 0xaa);
}

static void written_in_place(void **state)
{
	(void)state;
	write_part(100);
	check_disk(0);
	more(3 * STREAM_BLOCK - 101);
	check_disk(2);
	more(1);
	check_disk(3);
	assert_true(stream_partial(&t.stream));
	more(5 * STREAM_BLOCK);
	check_disk(8);
	assert_int_equal(fetched, 2);
	assert_false(stream_partial(&t.stream));
}

/* Lost, fenced, its device removed: it is closed, and then somebody else is told yes. */
static void nothing_once_it_is_closed(void **state)
{
	(void)state;
	write_part(2 * STREAM_BLOCK + 1);
	check_disk(2);
	t.c.closing = true;
	assert_int_equal(write(peer, disk, sizeof(disk) / 2), sizeof(disk) / 2);
	t.readable = true;
	assert_int_equal(tcp_poll(&t.c, false), 0);
	assert_false(tcp_drain(&t.c));
	check_disk(2);
}

/* As a Reset does: the rest goes, and what is behind it is taken. */
static void nothing_once_it_is_given_up(void **state)
{
	struct virtio_of_command_vq cmd = { .opcode = htole16(VIRTIO_OF_OP_VQ) };

	(void)state;
	write_part(2 * STREAM_BLOCK + 1);
	assert_false(tcp_drain(&t.c));
	check_disk(2);
	tcp_drop_body(written);
	tcp_post(written);
	more(6 * STREAM_BLOCK - 1);
	check_disk(2);
	assert_int_equal(fetched, 1);
	assert_int_equal(commands, 1);
	assert_int_equal(write(peer, &cmd, sizeof(cmd)), sizeof(cmd));
	t.readable = true;
	tcp_poll(&t.c, false);
	assert_int_equal(commands, 2);
}

/* Less than a block is there, and TCP has none of it: it might keep its window closed. */
static void nothing_stays_in_the_socket(void **state)
{
	int n = -1;

	(void)state;
	write_part(STREAM_BLOCK - 1);
	assert_int_equal(ioctl(t.fd, FIONREAD, &n), 0);
	assert_int_equal(n, 0);
	check_disk(0);
	close(peer);
	peer = -1;
	t.hung_up = true;
	t.readable = true;
	tcp_poll(&t.c, false);
	assert_string_equal(closed, "peer disconnected");
	check_disk(0);
}

int main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_reset_takes_what_tls_has),
		TEST(what_tls_keeps_has_not_arrived),
		TEST(slots_of_failures_come_back),
		TEST(behind_empty_records),
		TEST(the_end_in_a_record),
		TEST(a_handshake_is_paid_for),
		TEST(a_key_that_is_worn),
		TEST(a_slow_peer_is_given_up),
		TEST(written_in_place),
		TEST(nothing_once_it_is_closed),
		TEST(nothing_once_it_is_given_up),
		TEST(nothing_stays_in_the_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
