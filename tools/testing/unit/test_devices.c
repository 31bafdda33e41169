// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/devices.c */
/* libs: -Wl,--wrap=calloc */
/*
 * The devices that are served: a disk that has vanished is waited for, and no other one
 * is taken for it unless somebody says so; no file is served by two devices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../target/devices.h"
#include "../../target/instance.h"
#include "../../target/log.h"
#include "../../target/probe.h"
#include "../../target/reload.h"
#include "../../target/types.h"

/* ---- memory --------------------------------------------------------------- */

static bool no_device;	/* there is none for */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return no_device && size == sizeof(struct dev) ? NULL : __real_calloc(n, size);
}

/* ---- what devices.c calls ------------------------------------------------- */

struct config config;
static struct timer *look_timer;
static struct instance *any;	/* of every device; NULL: none */
static unsigned int opens, shuts;
static bool can_open, gone;
static ino_t held;		/* of whatever is open */
static struct backend_disk asked;	/* for, when it was opened last */

static bool is_gone(struct backend *be)
{
	(void)be;
	return gone;
}

static bool is_held(struct backend *be, const struct stat *st)
{
	(void)be;
	return st->st_ino == held;
}

static const struct backend_ops be_ops = { .gone = is_gone, .holds = is_held };

static bool open_dev(struct dev *dev)
{
	opens++;
	asked = dev->disk;
	if (!can_open)
		return false;
	dev->backend = calloc(1, sizeof(*dev->backend));
	dev->backend->ops = &be_ops;
	dev->backend->size = 1 << 20;
	snprintf(dev->backend->disk, BACKEND_DISK_NAME, "disk naa.1");
	return true;
}

static void shut_dev(struct dev *dev)
{
	shuts++;
	free(dev->backend);
	dev->backend = NULL;
}

static const struct dev_ops dev_ops = { .open = open_dev, .shut = shut_dev };
static const struct dev_type type = { .ops = &dev_ops };

static bool closing;

bool file_closing(const struct stat *st)
{
	(void)st;
	return closing;
}

struct instance *instance_of(const struct dev *dev)
{
	(void)dev;
	return any;
}

void instance_stop_all(const struct dev *dev, const char *why)
{
	(void)dev;
	(void)why;
}

void instance_stop_refused(const struct dev *dev, const char *why)
{
	(void)dev;
	(void)why;
}

void instance_stop_rekeyed(const struct dev *dev, const struct dev_cfg *other,
			   const char *why)
{
	(void)dev;
	(void)other;
	(void)why;
}

void failures_init(struct failures *f)
{
	(void)f;
}

void failures_exit(struct failures *f)
{
	(void)f;
}

/* One at a time, and the answer is what the test says. */
static void (*probe_done)(void *user, int err);
static void *probe_user;

int probe_init(void)
{
	return 0;
}

struct probe *probe_start(const char *path, void (*done)(void *user, int err),
			  void *user)
{
	(void)path;
	probe_done = done;
	probe_user = user;
	return (struct probe *)&probe_done;
}

void probe_forget(struct probe *p)
{
	(void)p;
	probe_done = NULL;
}

static bool answers(int err)
{
	void (*done)(void *user, int err) = probe_done;

	probe_done = NULL;
	if (done)
		done(probe_user, err);
	return done;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->link = NULL;
	t->fn = fn;
}

/* @when: 0 for one that is not set. */
void timer_set(struct timer *t, uint64_t ms)
{
	t->when = ms;
	if (ms == 2000)
		look_timer = t;
}

void timer_cancel(struct timer *t)
{
	t->when = 0;
}

void config_put(struct dev_cfg *d)
{
	list_del(&d->node);
}

static unsigned int n_adopted, n_dropped;

void config_adopt(struct config *c)
{
	(void)c;
	n_adopted++;
}

void config_drop(struct config *c)
{
	(void)c;
	n_dropped++;
}

static struct reload_step steps[2];
static unsigned int n_steps, devs_asked;
static bool no_memory;

struct reload_step *reload_diff(const struct list *old, const struct list *new,
				unsigned int *n)
{
	struct reload_step *s = no_memory ? NULL : malloc(sizeof(steps));

	struct list *pos;

	(void)new;
	devs_asked = 0;
	list_for_each(pos, old)
		devs_asked++;
	*n = n_steps;
	return s ? memcpy(s, steps, sizeof(steps)) : NULL;
}

struct dev_cfg *reload_find(const struct list *devs, const char *tvqn)
{
	struct list *pos;

	list_for_each(pos, devs)
		if (!strcmp(list_entry(pos, struct dev_cfg, node)->tvqn, tvqn))
			return list_entry(pos, struct dev_cfg, node);
	return NULL;
}

bool reload_same_listens(const struct list *a, const struct list *b)
{
	(void)a;
	(void)b;
	return true;
}

static const char *first;	/* that was said in this test */

#define FAKE_LOG(name)				\
	void name(const char *fmt, ...)		\
	{					\
		if (!first)			\
			first = fmt;		\
	}

FAKE_LOG(log_err)
FAKE_LOG(log_warn)
FAKE_LOG(log_info)

/* ---- one device ----------------------------------------------------------- */

static struct dev_cfg cfgs[3];

static int set_up(void **state)
{
	(void)state;
	list_init(&config.devs);
	list_init(&config.listens);
	memset(cfgs, 0, sizeof(cfgs));
	cfgs[0] = (struct dev_cfg){
		.type = &type, .backing = BACKING_FILE, .tvqn = "a", .path = (char *)"/dev/null",
		.where = "", .path_where = "",
	};
	list_add_tail(&cfgs[0].node, &config.devs);
	can_open = true;
	gone = false;
	any = NULL;
	first = NULL;
	return devices_open(false);
}

static int tear_down(void **state)
{
	(void)state;
	devices_close();
	return 0;
}

static void vanish(void)
{
	gone = true;
	look_timer->fn(look_timer);
	gone = false;
	can_open = false;
}

static void the_same_disk(void **state)
{
	struct dev *dev = device_find("a");

	(void)state;
	assert_int_equal(asked.size, 0);
	vanish();
	assert_false(device_ready(dev));
	/* as often as it is tried */
	for (int i = 0; i < 3; i++) {
		assert_true(answers(0));
		assert_int_equal(asked.size, 1 << 20);
		assert_string_equal(asked.name, "disk naa.1");
		assert_true(dev->retry.when);
		dev->retry.fn(&dev->retry);
	}
	can_open = true;
	assert_true(answers(0));
	assert_true(device_ready(dev));
	assert_int_equal(dev->disk.size, 0);
}

/* A reload is what an administrator has who put another disk there. */
static void any_disk_after_a_reload(void **state)
{
	struct dev *dev = device_find("a");

	(void)state;
	vanish();
	devices_retry();
	can_open = true;
	assert_true(answers(0));
	assert_int_equal(asked.size, 0);
	assert_true(device_ready(dev));
	/* also what its cache had is gone */
	assert_false(dev->vanished);
}

/* A configuration in which the same file is served by another name. */
static void b_instead_of_a(struct config *c)
{
	list_init(&c->listens);
	list_init(&c->devs);
	cfgs[1] = cfgs[0];
	snprintf(cfgs[1].tvqn, sizeof(cfgs[1].tvqn), "b");
	list_init(&cfgs[1].node);
	steps[0] = (struct reload_step){ RELOAD_REMOVE, &cfgs[0], NULL };
	steps[1] = (struct reload_step){ RELOAD_ADD, NULL, &cfgs[1] };
	n_steps = 2;
}

/* A disk gets another name: it is not served by that before the old one has ended. */
static void a_file_changes_hands(void **state)
{
	struct config c = { 0 };
	struct reload_tally tally;
	struct stat st;
	struct dev *new;

	(void)state;
	assert_int_equal(stat("/dev/null", &st), 0);
	held = st.st_ino;
	b_instead_of_a(&c);
	/* what is begun takes its time */
	any = (struct instance *)&any;
	opens = 0;
	shuts = 0;
	assert_true(devices_reload(&c, &tally));
	assert_int_equal(tally.n[RELOAD_REMOVE], 1);
	assert_int_equal(tally.n[RELOAD_ADD], 1);
	assert_int_equal(n_adopted, 1);
	assert_int_equal(n_dropped, 0);
	assert_non_null(strstr(first, "was read again"));
	assert_null(device_find("a"));
	new = device_find("b");
	assert_non_null(new);
	for (int i = 0; i < 3; i++) {
		assert_true(answers(0));
		assert_int_equal(opens, 0);
		/* soon, and every time */
		assert_int_equal(new->retry.when, 100);
		new->retry.fn(&new->retry);
	}
	any = NULL;
	devices_progress();
	assert_int_equal(shuts, 1);
	closing = true;
	assert_true(answers(0));
	assert_int_equal(opens, 0);
	closing = false;
	new->retry.fn(&new->retry);
	assert_true(answers(0));
	assert_int_equal(opens, 1);
	assert_true(device_ready(new));
}

/* What the control socket has brought stays when files are read again. */
static void files_leave_others_alone(void **state)
{
	struct config add = { 0 }, c = { 0 };
	struct reload_tally tally;
	struct dev *new;

	(void)state;
	list_init(&c.listens);
	list_init(&c.devs);
	list_init(&add.devs);
	cfgs[1] = cfgs[0];
	snprintf(cfgs[1].tvqn, sizeof(cfgs[1].tvqn), "b");
	cfgs[1].added = true;
	list_add_tail(&cfgs[1].node, &add.devs);
	n_dropped = 0;
	assert_null(devices_add(&add));
	assert_int_equal(n_dropped, 1);
	new = device_find("b");
	assert_non_null(new);
	assert_true(answers(0));
	assert_true(device_ready(new));
	/* a name has one device */
	list_init(&add.devs);
	cfgs[2] = cfgs[1];
	list_add_tail(&cfgs[2].node, &add.devs);
	assert_non_null(devices_add(&add));
	list_del(&cfgs[2].node);
	/* to reload_diff() there is but the one of files */
	n_steps = 0;
	devs_asked = 0;
	assert_true(devices_reload(&c, &tally));
	assert_int_equal(devs_asked, 1);
	assert_ptr_equal(device_find("b"), new);
	assert_ptr_equal(reload_find(&config.devs, "b"), &cfgs[1]);
	/* until they have the name, too */
	cfgs[2].added = false;
	list_add_tail(&cfgs[2].node, &c.devs);
	assert_true(devices_reload(&c, &tally));
	assert_int_equal(devs_asked, 2);
	/* what is removed is no business of the next one, though it takes its time */
	any = (struct instance *)&any;
	devices_remove(new);
	assert_null(device_find("b"));
	assert_null(reload_find(&config.devs, "b"));
	any = NULL;
	shuts = 0;
	devices_progress();
	assert_int_equal(shuts, 1);
}

/* With a control socket a target without a disk can be mended. */
static void nothing_to_open(void **state)
{
	(void)state;
	devices_close();
	can_open = false;
	list_init(&cfgs[0].node);
	list_init(&config.devs);
	list_add_tail(&cfgs[0].node, &config.devs);
	assert_int_equal(devices_open(true), 0);
	assert_false(device_ready(device_find("a")));
	devices_close();
	/* it was asked for, and could not be had */
	config.control = "/run/x";
	list_add_tail(&cfgs[0].node, &config.devs);
	assert_int_equal(devices_open(false), -1);
	config.control = NULL;
}

/* Nothing is changed, nothing left of the new one, and nobody told otherwise. */
static void no_memory_for_a_reload(void **state)
{
	struct reload_tally tally;
	struct config c = { 0 };

	(void)state;
	list_init(&c.devs);
	n_adopted = 0;
	n_dropped = 0;
	no_memory = true;
	assert_false(devices_reload(&c, &tally));
	no_memory = false;
	assert_int_equal(n_adopted, 0);
	assert_int_equal(n_dropped, 1);
	assert_string_equal(first, "no memory; nothing is changed");
	assert_true(device_ready(device_find("a")));
}

/* What there is no memory for is not served, and not told as if it were. */
static void no_memory_for_a_device(void **state)
{
	struct config c = { 0 };
	struct reload_tally tally;

	(void)state;
	b_instead_of_a(&c);
	no_device = true;
	assert_true(devices_reload(&c, &tally));
	no_device = false;
	assert_int_equal(tally.n[RELOAD_REMOVE], 1);
	assert_int_equal(tally.n[RELOAD_ADD], 0);
	assert_int_equal(tally.failed, 1);
	assert_null(device_find("b"));
}

int main(void)
{
#define TEST(fn)	cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(the_same_disk),
		TEST(any_disk_after_a_reload),
		TEST(a_file_changes_hands),
		TEST(files_leave_others_alone),
		TEST(nothing_to_open),
		TEST(no_memory_for_a_reload),
		TEST(no_memory_for_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
