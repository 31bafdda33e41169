// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/hint.c tools/vofctl/say.c tools/vofctl/spec.c */
/*
 * A device that is connected, against a kernel that is pretended: what is tried again and
 * with which addresses, what ends it, whose directory is taken, what is noted.
 */
#include <pthread.h>
#include <sys/mount.h>
#include <unistd.h>

#include "unit.h"
#include "spec.h"

static int pretend_clock(clockid_t clock, struct timespec *ts);
static int pretend_sleep(const struct timespec *ts, struct timespec *left);
static bool pretend_resolve(struct spec *s, char *err);

#define clock_gettime(clock, ts)	pretend_clock(clock, ts)
#define clock_ms			pretend_clock_ms
#define nanosleep(ts, left)		pretend_sleep(ts, left)
#define spec_resolve(s, err)		pretend_resolve(s, err)
#include "../../vofctl/attempt.c"
#undef clock_gettime
#undef clock_ms
#undef nanosleep
#undef spec_resolve

/* ---- time ----------------------------------------------------------------- */

static uint64_t slept_ms;	/* in no time */

/* What a thread is waited for by: the monotonic one goes on, that on the wall is an hour fast. */
static int pretend_clock(clockid_t clock, struct timespec *ts)
{
	int ret = clock_gettime(clock, ts);

	if (clock == CLOCK_REALTIME)
		ts->tv_sec += 3600;
	return ret;
}

/* All else goes by this one, which only sleeping moves. */
uint64_t pretend_clock_ms(void)
{
	return 1000 + slept_ms;
}

static int pretend_sleep(const struct timespec *ts, struct timespec *left)
{
	(void)left;
	slept_ms += ts->tv_sec * 1000 + ts->tv_nsec / 1000000;
	return 0;
}

/* ---- names ---------------------------------------------------------------- */

static const char *addresses[4];	/* one after the other; NULL: nobody knows */
static unsigned int asked;

static bool pretend_resolve(struct spec *s, char *err)
{
	const char *addr = addresses[asked++];

	return addr ? spec_set(s, "traddr", addr, err) :
	       (snprintf(err, SPEC_ERROR_SIZE, "traddr: nobody knows"), false);
}

/* ---- the kernel, and the notes -------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const char *state;		/* NULL: there is no directory */
	char traddr[128];
	int make_err[2], enable_err[2];	/* of the first calls */
	unsigned int makes, enables;
	bool waits;			/* for a 0; and has ended well, all the same */
	int disable_err;
	bool given_up;
} k = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static enum made made;

bool dir_module(void)
{
	return true;
}

bool dir_exists(const char *name)
{
	(void)name;
	return k.state;
}

int dir_make(const char *name)
{
	int err = k.makes < 2 ? k.make_err[k.makes] : 0;

	(void)name;
	k.makes++;
	if (!err)
		k.state = "disabled";
	return err;
}

int dir_remove(const char *name)
{
	(void)name;
	if (k.state && strcmp(k.state, "disabled"))
		return -EBUSY;
	k.state = NULL;
	return 0;
}

int dir_read(const char *name, const char *attr, char *buf, size_t size)
{
	const char *value = "";

	(void)name;
	pthread_mutex_lock(&k.lock);
	if (!strcmp(attr, "state"))
		value = k.state;
	else if (!strcmp(attr, "traddr"))
		value = k.traddr;
	else if (!strcmp(attr, "transport"))
		value = "tcp";
	else if (!strcmp(attr, "tvqn"))
		value = "t";
	snprintf(buf, size, "%s", value ? value : "");
	pthread_mutex_unlock(&k.lock);
	return value ? 0 : -ENOENT;
}

static int enabled(void)
{
	int err = k.enables < 2 ? k.enable_err[k.enables] : 0;

	k.enables++;
	if (err)
		return err;
	k.state = "live";
	if (k.waits)
		attempt_stop();
	while (k.waits && !k.given_up)
		pthread_cond_wait(&k.changed, &k.lock);
	return 0;
}

int dir_write(const char *name, const char *attr, const char *value)
{
	int ret = 0;

	(void)name;
	pthread_mutex_lock(&k.lock);
	if (!strcmp(attr, "traddr")) {
		snprintf(k.traddr, sizeof(k.traddr), "%s", value);
	} else if (!strcmp(attr, "enable") && !strcmp(value, "1")) {
		ret = enabled();
	} else if (!strcmp(attr, "enable")) {
		ret = k.disable_err;
		if (!ret)
			k.state = "disabled";
		k.given_up = true;
		pthread_cond_signal(&k.changed);
	}
	pthread_mutex_unlock(&k.lock);
	return ret;
}

enum made made_by(const char *name)
{
	(void)name;
	return made;
}

int made_note(const char *name, bool keep)
{
	(void)name;
	made = keep ? MADE_KEEP : MADE_HERE;
	return 0;
}

void made_forget(const char *name)
{
	(void)name;
	made = MADE_ELSEWHERE;
}

int made_lock(const char *name)
{
	(void)name;
	return dup(0);
}

int ivqn_get(char ivqn[IVQN_MAX + 1])
{
	snprintf(ivqn, IVQN_MAX + 1, "host");
	return 0;
}

bool disk_udev(void)
{
	return false;
}

bool disk_settled(const struct disk *disk, uint64_t since)
{
	(void)disk;
	(void)since;
	return true;
}

int disk_list(const char *virtio, struct disk **disks)
{
	(void)virtio;
	*disks = NULL;
	return 0;
}

int disk_links(const struct disk *disk, const char *where, char ***links)
{
	(void)disk;
	(void)where;
	*links = NULL;
	return 0;
}

/* ---- attempts ------------------------------------------------------------- */

static struct spec spec;
static struct outcome out;

static int begin(void **state)
{
	char err[SPEC_ERROR_SIZE];

	(void)state;
	k.state = NULL;
	memset(k.make_err, 0, sizeof(k.make_err));
	memset(k.enable_err, 0, sizeof(k.enable_err));
	k.makes = 0;
	k.enables = 0;
	k.disable_err = 0;
	k.waits = false;
	k.given_up = false;
	made = MADE_ELSEWHERE;
	stopped = false;
	slept_ms = 0;
	asked = 0;
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		addresses[i] = "192.0.2.1";
	spec_init(&spec);
	return !spec_set_name(&spec, "d", err) || !spec_set(&spec, "transport", "tcp", err) ||
	       !spec_set(&spec, "traddr", "host.example", err) ||
	       !spec_set(&spec, "tvqn", "t", err);
}

static int end(void **state)
{
	(void)state;
	spec_free(&spec);
	return 0;
}

static int attempt(const struct attempt how)
{
	attempt_connect(&spec, &how, &out);
	return out.code;
}

static void plain(void **state)
{
	(void)state;
	assert_int_equal(attempt((struct attempt){ 0 }), EXIT_OK);
	assert_string_equal(k.traddr, "192.0.2.1");
	assert_int_equal(made, MADE_HERE);
	assert_false(out.already);
	assert_int_equal(asked, 1);
}

/* It is live, and by the time this is known it is not any more. */
static void both_succeed(void **state)
{
	(void)state;
	k.waits = true;
	assert_int_equal(attempt((struct attempt){ 0 }), EXIT_FAILED);
	assert_true(k.given_up);
	assert_null(k.state);
	assert_int_equal(made, MADE_ELSEWHERE);
}

static void too_late_to_end_it(void **state)
{
	(void)state;
	k.waits = true;
	k.disable_err = -EBUSY;
	assert_int_equal(attempt((struct attempt){ 0 }), EXIT_OK);
	assert_true(k.given_up);
	assert_string_equal(k.state, "live");
	assert_int_equal(made, MADE_HERE);
}

/* The kernel's EEXIST stays; that of a directory which somebody else makes passes. */
static void two_that_exist(void **state)
{
	(void)state;
	k.enable_err[0] = -EEXIST;
	assert_int_equal(attempt((struct attempt){ .wait = 60 }), EXIT_USAGE);
	assert_int_equal(k.enables, 1);
	assert_null(k.state);
	k.make_err[1] = -EEXIST;
	assert_int_equal(attempt((struct attempt){ .wait = 60 }), EXIT_OK);
	assert_int_equal(k.makes, 3);
	assert_int_equal(k.enables, 2);
}

static void whose_it_is(void **state)
{
	const struct attempt how = { .idempotent = true, .wait = 60 };

	(void)state;
	k.state = "disabled";
	assert_int_equal(attempt(how), EXIT_BUSY);
	assert_string_equal(k.state, "disabled");
	assert_int_equal(k.makes, 0);
	made = MADE_HERE;
	assert_int_equal(attempt(how), EXIT_OK);
	assert_int_equal(k.makes, 1);
	assert_string_equal(k.state, "live");
	assert_int_equal(attempt((struct attempt){ 0 }), EXIT_BUSY);
}

/* Also of one that is there, whoever has made it. */
static void kept(void **state)
{
	(void)state;
	snprintf(k.traddr, sizeof(k.traddr), "192.0.2.1");
	k.state = "live";
	assert_int_equal(attempt((struct attempt){ .idempotent = true }), EXIT_OK);
	assert_true(out.already);
	assert_int_equal(made, MADE_ELSEWHERE);
	assert_int_equal(attempt((struct attempt){ .idempotent = true, .keep = true }), EXIT_OK);
	assert_true(out.already);
	assert_int_equal(made, MADE_KEEP);
	/* nobody takes that back by not saying it */
	assert_int_equal(attempt((struct attempt){ .idempotent = true }), EXIT_OK);
	assert_int_equal(made, MADE_KEEP);
}

static void names(void **state)
{
	(void)state;
	k.enable_err[0] = -ECONNREFUSED;
	addresses[1] = "192.0.2.2";
	assert_int_equal(attempt((struct attempt){ .wait = 60 }), EXIT_OK);
	assert_string_equal(k.traddr, "192.0.2.2");
	assert_int_equal(asked, 2);
	assert_int_equal(slept_ms, PAUSE_FIRST_MS);
}

/* For as long as was given, and no longer. */
static void time_is_up(void **state)
{
	(void)state;
	memset(addresses, 0, sizeof(addresses));
	assert_int_equal(attempt((struct attempt){ .wait = 2 }), EXIT_UNREACHABLE);
	assert_int_equal(asked, 3);
	assert_int_equal(slept_ms, 2000);
	assert_null(k.state);
}

static void names_that_nobody_knows(void **state)
{
	(void)state;
	/* at first */
	addresses[0] = NULL;
	k.enable_err[0] = -ECONNREFUSED;
	/* and later: what was known is */
	addresses[2] = NULL;
	assert_int_equal(attempt((struct attempt){ .wait = 60 }), EXIT_OK);
	assert_int_equal(asked, 3);
	assert_int_equal(k.enables, 2);
	assert_string_equal(k.traddr, "192.0.2.1");
	assert_int_equal(slept_ms, 3 * PAUSE_FIRST_MS);
	asked = 0;
	k.state = NULL;
	assert_int_equal(attempt((struct attempt){ 0 }), EXIT_UNREACHABLE);
	assert_string_equal(out.why, "traddr: nobody knows");
	assert_null(k.state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plain, begin, end),
		cmocka_unit_test_setup_teardown(both_succeed, begin, end),
		cmocka_unit_test_setup_teardown(too_late_to_end_it, begin, end),
		cmocka_unit_test_setup_teardown(two_that_exist, begin, end),
		cmocka_unit_test_setup_teardown(whose_it_is, begin, end),
		cmocka_unit_test_setup_teardown(kept, begin, end),
		cmocka_unit_test_setup_teardown(names, begin, end),
		cmocka_unit_test_setup_teardown(time_is_up, begin, end),
		cmocka_unit_test_setup_teardown(names_that_nobody_knows, begin, end),
	};

	/* One that waits for the clock on the wall waits for an hour. */
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
