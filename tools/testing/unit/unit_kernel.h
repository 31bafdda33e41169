/* SPDX-License-Identifier: GPL-2.0 */
/* The same for tests in the kernel: KUnit by the names that cmocka has. */
#ifndef _UNIT_KERNEL_H
#define _UNIT_KERNEL_H

#include <kunit/test.h>
#include <kunit/test-bug.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

typedef struct kunit unit_state;
typedef struct kunit_case unit_case;

#define UNIT_TEST(f)	KUNIT_CASE(f)
#define UNIT_SUITE(title, cases)					\
	static struct kunit_suite unit_suite = {			\
		.name = title,						\
		.test_cases = cases,					\
	};								\
	kunit_test_suite(unit_suite)

#define unit_test()	kunit_get_current_test()

#define assert_true(x)		KUNIT_ASSERT_TRUE(unit_test(), x)
#define assert_false(x)		KUNIT_ASSERT_FALSE(unit_test(), x)
#define assert_null(x)		KUNIT_ASSERT_NULL(unit_test(), x)
#define assert_int_equal(a, b)						\
	KUNIT_ASSERT_EQ(unit_test(), (u64)(a), (u64)(b))
#define assert_ptr_equal(a, b)						\
	KUNIT_ASSERT_PTR_EQ(unit_test(), (const void *)(a), (const void *)(b))
#define fail_msg(fmt, ...)						\
	KUNIT_FAIL(unit_test(), fmt, ##__VA_ARGS__)

static inline void *unit_alloc(size_t size)
{
	return kvzalloc(size, GFP_KERNEL);
}

static inline void *unit_alloc_pages(size_t size)
{
	return kzalloc(PAGE_ALIGN(size), GFP_KERNEL);
}

static inline void unit_free(void *mem)
{
	kvfree(mem);
}

static inline u64 unit_addr(const void *mem)
{
	return virt_to_phys((void *)mem);
}

static inline u64 unit_ns(void)
{
	return ktime_get_ns();
}

/* The kernel's own WARN_ON() speaks for itself. */
static unsigned int unit_warnings __maybe_unused;

#endif /* _UNIT_KERNEL_H */
