// SPDX-License-Identifier: GPL-2.0
/*
 * Does on loading what nobody should: the selftest "detect" sees whether it is
 * noticed. A test that finds nothing proves nothing unless it could have.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>

static char *what = "";
module_param(what, charp, 0);
MODULE_PARM_DESC(what, "leak, bounds, freed, shift, sleep, work, rcu or locks");

static DEFINE_MUTEX(provoke_a);
static DEFINE_MUTEX(provoke_b);
static DEFINE_SPINLOCK(provoke_spin);

static void provoke_leak(void)
{
	void *p = kmalloc(100, GFP_KERNEL);

	/* The compiler must not know that nobody wants it. */
	OPTIMIZER_HIDE_VAR(p);
}

static void provoke_bounds(void)
{
	char *p = kmalloc(100, GFP_KERNEL);
	size_t n = 100;

	if (!p)
		return;
	OPTIMIZER_HIDE_VAR(n);
	WRITE_ONCE(p[n], 0);
	kfree(p);
}

static void provoke_freed(void)
{
	char *p = kmalloc(100, GFP_KERNEL);
	char *q = p;

	OPTIMIZER_HIDE_VAR(q);
	kfree(p);
	if (q)
		READ_ONCE(*q);
}

static void provoke_shift(void)
{
	int n = 40;

	OPTIMIZER_HIDE_VAR(n);
	pr_info("%d\n", 1 << n);
}

static void provoke_sleep(void)
{
	spin_lock(&provoke_spin);
	might_sleep();
	spin_unlock(&provoke_spin);
}

static void provoke_nothing(struct work_struct *work)
{
}

static void provoke_work(void)
{
	struct delayed_work *w = kmalloc(sizeof(*w), GFP_KERNEL);

	if (!w)
		return;
	INIT_DELAYED_WORK(w, provoke_nothing);
	schedule_delayed_work(w, 3600 * HZ);
	/* Debugobjects takes it off the timers when it has complained. */
	kfree(w);
}

static void provoke_rcu(void)
{
	static int __rcu *p;

	(void)rcu_dereference(p);
}

static void provoke_locks(void)
{
	mutex_lock(&provoke_a);
	mutex_lock(&provoke_b);
	mutex_unlock(&provoke_b);
	mutex_unlock(&provoke_a);
	mutex_lock(&provoke_b);
	mutex_lock(&provoke_a);
	mutex_unlock(&provoke_a);
	mutex_unlock(&provoke_b);
}

static const struct {
	const char *name;
	void (*provoke)(void);
} provocations[] = {
	{ "leak", provoke_leak },
	{ "bounds", provoke_bounds },
	{ "freed", provoke_freed },
	{ "shift", provoke_shift },
	{ "sleep", provoke_sleep },
	{ "work", provoke_work },
	{ "rcu", provoke_rcu },
	{ "locks", provoke_locks },
};

static int __init provoke_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(provocations); i++) {
		if (strcmp(what, provocations[i].name))
			continue;
		provocations[i].provoke();
		return 0;
	}
	return -EINVAL;
}

static void __exit provoke_exit(void)
{
}

module_init(provoke_init);
module_exit(provoke_exit);

MODULE_DESCRIPTION("Virtio over Fabrics initiator: what a debug kernel notices");
MODULE_LICENSE("GPL");
