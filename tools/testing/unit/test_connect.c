// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/connect.c tools/target/psk.c tools/target/log.c tools/target/thread.c */
/*
 * Who may connect: by TLS, who has proved his name, with a key that is there when he
 * connects, and not only when he shook hands. And when, for a virtqueue that another
 * connection has. What else Connect does needs a target.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../target/config.h"
#include "../../target/devices.h"
#include "../../target/instance.h"

#define KEY1	"000102030405060708090a0b0c0d0e0f"
#define KEY2	"000102030405060708090a0b0c0d0e10"
#define KEY3	"000102030405060708090a0b0c0d0e0f10"

/* ---- what connect.c calls -------------------------------------------------- */

struct config config;
static struct list all = { &all, &all };
static struct dev_cfg cfg = { .tvqn = "disk1", .queues = 1 }, next = { .tvqn = "disk1" };
static struct dev dev = { .cfg = &cfg };
static struct instance *inst;
static bool served;
static uint16_t status;
static unsigned int closed;

struct list *conns(void)
{
	return &all;
}

struct dev *device_find(const char *tvqn)
{
	return served && !strcmp(tvqn, "disk1") ? &dev : NULL;
}

const struct psk_keys *device_keys(const struct dev *d)
{
	return (d->next ? d->next : d->cfg)->psk;
}

/* Whoever gets here has been let in, as far as keys are concerned. */
bool device_ready(const struct dev *d)
{
	(void)d;
	return false;
}

bool instance_allows(const struct dev *d, const char *ivqn)
{
	(void)d;
	(void)ivqn;
	return true;
}

bool proto_vqn_ok(const uint8_t *vqn)
{
	return *vqn;
}

const char *proto_refusal(uint16_t code)
{
	(void)code;
	return "refused";
}

struct instance *instance_by_id(uint16_t id)
{
	return id == 7 ? inst : NULL;
}

void conn_reply_status(struct slot *s, uint16_t code)
{
	(void)s;
	status = code;
}

void conn_close(struct conn *c, const char *why)
{
	(void)why;
	c->closing = true;
	closed++;
}

void conn_lost(struct conn *c, const char *why)
{
	conn_close(c, why);
}

/* Whoever gets here has got his virtqueue, as far as others are concerned. */
uint16_t instance_queue_max(const struct instance *i, const struct conn *c)
{
	(void)i;
	(void)c;
	return 8;
}

/* Behind what is tested. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

enum admit admit_join(struct guest *g, bool k)
{
	abort();
}

void admit_name(struct guest *g)
{
	abort();
}

void admit_back(struct guest *g)
{
	abort();
}

bool admit_remembers(const char *n)
{
	abort();
}

const char *admit_says(enum admit a, char *b, size_t n)
{
	abort();
}

void conn_reply_done(struct slot *s)
{
	abort();
}

void instance_add_conn(struct instance *i, struct conn *c)
{
	abort();
}

struct instance *instance_elder(const struct instance *i)
{
	abort();
}

void instance_free(struct instance *i)
{
	abort();
}

struct instance *instance_new(struct dev *d, const char *n)
{
	abort();
}

bool instance_same_names(const struct instance *a, const struct instance *b)
{
	abort();
}

void instance_stop(struct instance *i, const char *w)
{
	abort();
}

struct list *instances(void)
{
	abort();
}

bool instances_leaving(void)
{
	abort();
}

void keepalive_begin(struct instance *i)
{
	abort();
}

uint64_t loop_now(void)
{
	abort();
}

void timer_set(struct timer *t, uint64_t ms)
{
	abort();
}

void timer_cancel(struct timer *t)
{
	abort();
}

void proto_complete_connect(union virtio_of_completion *d, uint16_t id, uint16_t i)
{
	abort();
}

/* ---- the tests -------------------------------------------------------------- */

static const struct transport tcp = { .scheme = "tcp" };
static const struct transport tls = { .scheme = "tls", .proves = true };
static uint8_t proof[17];

static struct psk_keys *keys(const char *key)
{
	char path[] = "/tmp/test_connect_XXXXXX", why[100];
	int fd = mkstemp(path);
	struct psk_keys *k;

	dprintf(fd, "host1 %s\n", key);
	close(fd);
	k = psk_read_file(path, why, sizeof(why));
	assert_non_null(k);
	unlink(path);
	return k;
}

static void rekey(struct dev_cfg *d, const char *key)
{
	psk_free(d->psk);
	d->psk = key ? keys(key) : NULL;
}

/* As whoever has shaken hands with the first key. */
static void came_in(struct conn *c, const char *identity)
{
	for (unsigned int i = 0; i < sizeof(proof); i++)
		proof[i] = i;
	*c = (struct conn) {
		.ops = &tls, .identity = identity, .proof = proof, .proof_len = 16,
	};
	list_add_tail(&c->node, &all);
}

static uint16_t connects(struct conn *c)
{
	struct virtio_of_connect body = { .ivqn = "host1", .tvqn = "disk1" };
	struct slot s = { .conn = c };

	status = 0xffff;
	s.cmd.instance = VIRTIO_OF_INSTANCE_CONTROL;
	connect_body(&s, &body);
	return status;
}

static int begin(void **state)
{
	(void)state;
	served = true;
	dev.next = NULL;
	closed = 0;
	list_init(&all);
	rekey(&cfg, KEY1);
	rekey(&next, NULL);
	return 0;
}

#define LET_IN	VIRTIO_OF_STATUS_ENODEV
#define REFUSED	VIRTIO_OF_STATUS_EACLREJECTED

static void names_and_keys(void **state)
{
	struct conn c;

	(void)state;
	came_in(&c, "virtio-of host1 disk1");
	assert_int_equal(connects(&c), LET_IN);
	c.identity = "virtio-of host2 disk1";
	assert_int_equal(connects(&c), REFUSED);
	c.identity = NULL;
	assert_int_equal(connects(&c), REFUSED);
	c.ops = &tcp;
	assert_int_equal(connects(&c), REFUSED);
	rekey(&cfg, NULL);
	assert_int_equal(connects(&c), LET_IN);
	c.ops = &tls;
	assert_int_equal(connects(&c), REFUSED);
}

static void a_key_that_was_taken_away(void **state)
{
	static const char * const others[] = { KEY2, KEY3, NULL };
	struct conn c;

	(void)state;
	came_in(&c, "virtio-of host1 disk1");
	for (unsigned int i = 0; i < 3; i++) {
		rekey(&cfg, others[i]);
		assert_int_equal(connects(&c), REFUSED);
	}
	rekey(&cfg, KEY1);
	assert_int_equal(connects(&c), LET_IN);
	/* the configuration that a device is about to get counts */
	rekey(&next, KEY2);
	dev.next = &next;
	assert_int_equal(connects(&c), REFUSED);
}

static void nor_a_virtqueue(void **state)
{
	struct instance i = { .dev = &dev, .ivqn = "host1" };
	struct conn ctrl = { .ops = &tls }, c;
	struct slot s = { .conn = &c };

	(void)state;
	came_in(&c, "virtio-of host1 disk1");
	i.ctrl = &ctrl;
	inst = &i;
	s.cmd.instance = 7;
	s.cmd.vq = 5;
	connect_body(&s, NULL);
	assert_int_equal(status, VIRTIO_OF_STATUS_EQUEUEQUOT);
	rekey(&cfg, KEY2);
	connect_body(&s, NULL);
	assert_int_equal(status, REFUSED);
}

static void who_waits_with_it_has_to_go(void **state)
{
	struct instance i = { .dev = &dev };
	struct conn c, shaking, served_one;

	(void)state;
	came_in(&c, "virtio-of host1 disk1");
	came_in(&shaking, NULL);
	came_in(&served_one, "virtio-of host1 disk1");
	served_one.inst = &i;
	connect_rekeyed();
	assert_int_equal(closed, 0);
	rekey(&cfg, KEY2);
	connect_rekeyed();
	assert_int_equal(closed, 1);
	assert_true(c.closing);
	c.closing = false;
	rekey(&cfg, KEY1);
	served = false;
	connect_rekeyed();
	assert_int_equal(closed, 2);
	assert_true(c.closing);
}

static bool gone;

static bool ended(const struct conn *c)
{
	(void)c;
	return gone;
}

static void a_virtqueue_that_another_one_has(void **state)
{
	static const struct transport ops = { .scheme = "tcp", .ended = ended };
	struct conn ctrl = { .ops = &ops }, old = { .ops = &ops }, c = { .ops = &ops };
	struct conn *vqs[1] = { &old };
	struct instance i = { .dev = &dev, .ivqn = "host1", .ctrl = &ctrl, .vqs = vqs };
	struct slot s = { .conn = &c };

	(void)state;
	rekey(&cfg, NULL);
	inst = &i;
	s.cmd.instance = 7;
	s.cmd.queue_size = 16;
	list_init(&c.mates);
	gone = false;
	connect_body(&s, NULL);
	assert_int_equal(status, VIRTIO_OF_STATUS_EQUEUEBUSY);
	/* the peer has ended it: waited for, until nothing of it is left */
	gone = true;
	status = 0xffff;
	connect_body(&s, NULL);
	assert_true(old.closing);
	assert_int_equal(closed, 1);
	connect_waiting_vqs();
	assert_int_equal(status, 0xffff);
	vqs[0] = NULL;
	connect_waiting_vqs();
	assert_int_equal(status, VIRTIO_OF_STATUS_EQSIZEQUOT);
	assert_null(c.connect);
	/* who goes himself waits no more */
	vqs[0] = &old;
	status = 0xffff;
	connect_body(&s, NULL);
	connect_forget(&c);
	vqs[0] = NULL;
	connect_waiting_vqs();
	assert_int_equal(status, 0xffff);
	/* and with the instance there is nothing to wait for */
	vqs[0] = &old;
	connect_body(&s, NULL);
	assert_ptr_equal(c.connect, &s);
	inst = NULL;
	connect_waiting_vqs();
	assert_int_equal(status, VIRTIO_OF_STATUS_EBADDEV);
	assert_int_equal(closed, 1);
}

static int end(void **state)
{
	(void)state;
	rekey(&cfg, NULL);
	rekey(&next, NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_and_keys, begin, end),
		cmocka_unit_test_setup_teardown(a_key_that_was_taken_away, begin, end),
		cmocka_unit_test_setup_teardown(nor_a_virtqueue, begin, end),
		cmocka_unit_test_setup_teardown(who_waits_with_it_has_to_go, begin, end),
		cmocka_unit_test_setup_teardown(a_virtqueue_that_another_one_has, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
