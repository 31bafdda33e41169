// SPDX-License-Identifier: GPL-2.0
/* link: tools/initiator/handshake/session.c tools/initiator/handshake/request.c */
/* link: tools/initiator/handshake/key.c tools/initiator/handshake/ktls.c tools/target/tls_info.c */
/* libs: -lgnutls -lmnl -lkeyutils -lsystemd */
/*
 * virtio-of-handshake as a whole, with a kernel that hands out what a test has ready: a
 * request that cannot be taken does not hold up those behind it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define main agent_main
#include "../../initiator/handshake/main.c"
#undef main

#define NONE	(-EAGAIN)
#define MANY	200

/* What kernel_accept() says, in turn; 0: a request, which this agent refuses. */
static int answers[MANY];
static unsigned int asked, told, refused;

int kernel_accept(struct request *req)
{
	int ret = asked < MANY ? answers[asked] : NONE;

	memset(req, 0, sizeof(*req));
	req->socket = -1;
	if (ret == NONE)
		return ret;
	asked++;
	if (!ret || ret == -EPROTO)
		req->socket = dup(0);
	req->message = ret;	/* 0 is no client's hello */
	return ret;
}

int kernel_done(int socket, int error, int32_t key)
{
	(void)key;
	assert_true(socket >= 0);
	if (error == -EOPNOTSUPP)
		refused++;
	told++;
	return 0;
}

int kernel_open(void) { return 0; }
int kernel_join(void) { return 0; }
void kernel_leave(void) { }
int kernel_others(void) { return 0; }
int kernel_notice_fd(void) { return -1; }
void kernel_notice_drain(void) { }
void kernel_forget_keys(void) { }
void memory_take(unsigned long heap) { (void)heap; }

int log_verbose;
struct log_limit log_peers;

bool log_ok(struct log_limit *limit)
{
	(void)limit;
	return false;
}

void log_start(void) { }
void log_err(const char *fmt, ...) { (void)fmt; }
void log_warn(const char *fmt, ...) { (void)fmt; }
void log_info(const char *fmt, ...) { (void)fmt; }

static int begin_test(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < SESSIONS; i++)
		handshakes[i].session.socket = -1;
	for (unsigned int i = 0; i < MANY; i++)
		answers[i] = NONE;
	asked = 0;
	told = 0;
	refused = 0;
	running = 0;
	return 0;
}

static void a_failure_holds_up_nobody(void **state)
{
	const int some[] = { 0, -EIO, -EPROTO, -EIO, 0, 0 };

	(void)state;
	memcpy(answers, some, sizeof(some));
	accept_requests();
	assert_int_equal(asked, 6);
	assert_int_equal(refused, 3);
	/* the socket of an answer without sense is given back as well */
	assert_int_equal(told, 4);
	assert_int_equal(running, 0);
	assert_int_equal(again, 0);
	assert_int_equal(until_deadline(), -1);
}

static void failures_without_end_are_left_for_a_moment(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < MANY; i++)
		answers[i] = -ENOBUFS;
	accept_requests();
	assert_int_equal(asked, ACCEPT_FAILURES);
	assert_in_range(until_deadline(), 1, ACCEPT_PAUSE);
	/* the next ones are there, whoever is told */
	answers[asked] = 0;
	answers[asked + 1] = NONE;
	accept_requests();
	assert_int_equal(refused, 1);
	assert_int_equal(until_deadline(), -1);
}

static void a_kernel_that_does_not_answer_is_asked_once(void **state)
{
	(void)state;
	answers[0] = -ETIMEDOUT;
	answers[1] = 0;
	accept_requests();
	assert_int_equal(asked, 1);
	assert_in_range(until_deadline(), 1, ACCEPT_PAUSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_failure_holds_up_nobody, begin_test),
		cmocka_unit_test_setup(failures_without_end_are_left_for_a_moment, begin_test),
		cmocka_unit_test_setup(a_kernel_that_does_not_answer_is_asked_once, begin_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
