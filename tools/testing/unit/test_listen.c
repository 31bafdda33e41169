// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/rdma_listen.c tools/target/address.c */
/*
 * Listeners: made at the start, and anew when the address moves, without asking for the
 * address of a name again, which may take long.
 */
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../target/log.h"
#include "../../target/rdma.h"

/* ---- what rdma_listen.c calls --------------------------------------------- */

static struct rdma_cm_id ids[8];
static unsigned int n_ids, n_destroyed, n_resolved, n_logged;
static struct sockaddr_in bound;
static struct timer *timer;
static int bind_error;

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		struct addrinfo **res)
{
	struct sockaddr_in *in = calloc(1, sizeof(*in));
	struct addrinfo *a = calloc(1, sizeof(*a));

	assert_string_equal(host, "target");
	assert_string_equal(port, "8549");
	assert_true(hints->ai_flags & AI_PASSIVE);
	n_resolved++;
	in->sin_family = AF_INET;
	in->sin_port = 8549;
	in->sin_addr.s_addr = n_resolved;
	a->ai_family = AF_INET;
	a->ai_addr = (struct sockaddr *)in;
	a->ai_addrlen = sizeof(*in);
	*res = a;
	return 0;
}

void freeaddrinfo(struct addrinfo *a)
{
	free(a->ai_addr);
	free(a);
}

int rdma_create_id(struct rdma_event_channel *channel, struct rdma_cm_id **id,
		   void *context, enum rdma_port_space ps)
{
	(void)channel;
	(void)context;
	(void)ps;
	*id = &ids[n_ids++];
	return 0;
}

int rdma_destroy_id(struct rdma_cm_id *id)
{
	(void)id;
	n_destroyed++;
	return 0;
}

int rdma_set_option(struct rdma_cm_id *id, int level, int name, void *value, size_t len)
{
	(void)id;
	(void)level;
	(void)name;
	(void)value;
	(void)len;
	return 0;
}

int rdma_bind_addr(struct rdma_cm_id *id, struct sockaddr *addr)
{
	(void)id;
	memcpy(&bound, addr, sizeof(bound));
	errno = EADDRNOTAVAIL;
	return bind_error;
}

int rdma_listen(struct rdma_cm_id *id, int backlog)
{
	(void)id;
	assert_true(backlog > 0);
	return 0;
}

const char *rdma_event_str(enum rdma_cm_event_type event)
{
	(void)event;
	return "an event";
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->link = NULL;
	t->fn = fn;
}

void timer_set(struct timer *t, uint64_t ms)
{
	(void)ms;
	timer = t;
}

void timer_cancel(struct timer *t)
{
	(void)t;
	timer = NULL;
}

#define FAKE_LOG(name)				\
	void name(const char *fmt, ...)		\
	{					\
		(void)fmt;			\
		n_logged++;			\
	}

FAKE_LOG(log_err)
FAKE_LOG(log_warn)
FAKE_LOG(log_info)

/* ---- tests ---------------------------------------------------------------- */

static void an_address_moves(void **state)
{
	struct listen_cfg cfg = {
		.url = (char *)"rdma://target", .host = (char *)"target", .port = (char *)"8549",
		.where = "",
	};

	(void)state;
	rdma_listen_init(NULL);
	assert_int_equal(rdma_listen_on(&cfg), 0);
	assert_int_equal(n_resolved, 1);
	assert_int_equal(bound.sin_port, 8549);

	rdma_listen_event(&ids[0], RDMA_CM_EVENT_ADDR_CHANGE);
	assert_non_null(timer);
	n_logged = 0;
	bind_error = -1;
	for (int i = 0; i < 3; i++)
		timer->fn(timer);
	/* that it cannot is told once */
	assert_int_equal(n_logged, 1);
	bind_error = 0;
	memset(&bound, 0, sizeof(bound));
	timer->fn(timer);
	assert_int_equal(n_ids, 5);
	assert_int_equal(n_destroyed, 4);
	/* the same as at the start, and nobody was asked */
	assert_int_equal(n_resolved, 1);
	assert_int_equal(bound.sin_family, AF_INET);
	assert_int_equal(bound.sin_addr.s_addr, 1);

	rdma_stop_listening();
	assert_int_equal(n_destroyed, 5);
	assert_null(timer);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
