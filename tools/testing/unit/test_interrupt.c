// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts that several threads deliver to one driver: never two at a time, and what
 * was done before the last of them is seen by the driver.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "interrupt.h"
#include "unit.h"

#define THREADS		3
#define ROUNDS		20000U
#define EACH		4U	/* that a thread does in a round */
#define SECONDS		1

static struct {
	struct vof_interrupt	interrupt;
	pthread_barrier_t	barrier;
	unsigned int		done;		/* what the driver is to see */
	unsigned int		seen;		/* and has seen */
	unsigned int		inside;
	unsigned int		calls, twice, lost, left;
	unsigned int		rounds;
	bool			stop;
} t;

/* It may take its time, so that others meet it there. */
static void driver(unsigned int round)
{
	if (__atomic_add_fetch(&t.inside, 1, __ATOMIC_SEQ_CST) > 1)
		__atomic_add_fetch(&t.twice, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&t.calls, 1, __ATOMIC_SEQ_CST);
	t.seen = __atomic_load_n(&t.done, __ATOMIC_SEQ_CST);
	if (round % 4 == 0)
		sched_yield();
	__atomic_sub_fetch(&t.inside, 1, __ATOMIC_SEQ_CST);
}

static void deliver(unsigned int round)
{
	while (vof_interrupt_due(&t.interrupt)) {
		if (!vof_interrupt_begin(&t.interrupt)) {
			__atomic_add_fetch(&t.left, 1, __ATOMIC_RELAXED);
			return;
		}
		driver(round);
		vof_interrupt_end(&t.interrupt);
	}
}

static void *cpu(void *arg)
{
	time_t end = time(NULL) + SECONDS;
	bool first = !arg;

	for (unsigned int round = 0; !t.stop; round++) {
		pthread_barrier_wait(&t.barrier);
		for (unsigned int i = 0; i < EACH; i++) {
			__atomic_add_fetch(&t.done, 1, __ATOMIC_RELAXED);
			vof_interrupt_raise(&t.interrupt);
			deliver(round);
		}
		pthread_barrier_wait(&t.barrier);
		if (first) {
			t.lost += t.seen != t.done;
			t.rounds++;
			t.stop = t.rounds == ROUNDS ||
				 (round % 64 == 0 && time(NULL) >= end);
		}
		pthread_barrier_wait(&t.barrier);
	}
	return NULL;
}

static void test_one_at_a_time(void **state)
{
	pthread_t others[THREADS - 1];

	(void)state;
	pthread_barrier_init(&t.barrier, NULL, THREADS);
	for (int i = 0; i < THREADS - 1; i++)
		assert_int_equal(pthread_create(&others[i], NULL, cpu, &t), 0);
	cpu(NULL);
	for (int i = 0; i < THREADS - 1; i++)
		pthread_join(others[i], NULL);
	pthread_barrier_destroy(&t.barrier);
	unit_note("%u rounds, %u interrupts, left to another one %u times", t.rounds,
		  t.calls, t.left);
	assert_int_equal(t.twice, 0);
	assert_int_equal(t.lost, 0);
	/* They have met, or nothing is shown. */
	assert_true(t.left > 0);
}

/* What is not due is not delivered, and one call is for all that was done before. */
static void test_alone(void **state)
{
	struct vof_interrupt i = { 0 };

	(void)state;
	assert_false(vof_interrupt_due(&i));
	vof_interrupt_raise(&i);
	vof_interrupt_raise(&i);
	assert_true(vof_interrupt_due(&i));
	assert_true(vof_interrupt_begin(&i));
	assert_false(vof_interrupt_due(&i));
	/* while the driver is in it */
	vof_interrupt_raise(&i);
	assert_true(vof_interrupt_due(&i));
	assert_false(vof_interrupt_begin(&i));
	assert_true(vof_interrupt_due(&i));
	vof_interrupt_end(&i);
	assert_true(vof_interrupt_begin(&i));
	vof_interrupt_end(&i);
	assert_false(vof_interrupt_due(&i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_one_at_a_time),
	};

	return cmocka_run_group_tests_name("interrupts", tests, NULL, NULL);
}
