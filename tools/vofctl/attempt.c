// SPDX-License-Identifier: GPL-2.0
/*
 * Connecting: the directory, its attributes, enable, and the disk's node.
 *
 * The write to enable takes as long as connecting does. A thread makes it, so that
 * somebody is left to end it, by a 0, when time is up or a signal has come.
 */
#include "attempt.h"

#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "disk.h"
#include "hint.h"
#include "ivqn.h"
#include "made.h"
#include "say.h"
#include "vofctl.h"

#define POLL_MS		20
#define TICK_MS		100
#define PAUSE_FIRST_MS	500
#define PAUSE_MAX_MS	5000
/* For another one who is about the same name, where no time was given. */
#define TURN_MS		30000
/* For udev, and for the kernel's devtmpfs. */
#define NODE_MS		10000

static atomic_bool stopped;

void attempt_stop(void)
{
	stopped = true;
}

bool attempt_stopped(void)
{
	return stopped;
}

static void nap(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

void attempt_pause(pthread_cond_t *cond, pthread_mutex_t *lock, unsigned int ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += ms % 1000 * 1000000L;
	ts.tv_sec += ms / 1000 + ts.tv_nsec / 1000000000L;
	ts.tv_nsec %= 1000000000L;
	pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &ts);
}

/* Returns whether it was not stopped meanwhile. */
static bool sleep_until(uint64_t when)
{
	while (!stopped && clock_ms() < when)
		nap(POLL_MS);
	return !stopped;
}

__attribute__((format(printf, 3, 4)))
static bool failed(struct outcome *out, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(out->why, sizeof(out->why), fmt, args);
	va_end(args);
	out->code = code;
	return false;
}

/* What the kernel has against it; @err is negative. */
static bool refused(const char *name, int err, const char *what, struct outcome *out)
{
	char text[DIR_VALUE_SIZE];

	dir_read(name, "last_error", text, sizeof(text));
	failed(out, hint_exit(-err, text), "%.300s (%s)", *text ? text : what, strerror(-err));
	out->hint = hint_text(-err, text);
	return false;
}

/* ---- modules ------------------------------------------------------------ */

static void modprobe(const char *module)
{
	char *const argv[] = { "modprobe", "-q", (char *)module, NULL };
	int status;
	pid_t pid;

	if (!posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		waitpid(pid, &status, 0);
}

/* What writing "transport" loads is the fabric; the directories are the module's. */
static bool load(const char *transport, struct outcome *out)
{
	char module[64];

	if (dir_module())
		return true;
	snprintf(module, sizeof(module), "virtio_of_%s", transport);
	modprobe(module);
	if (!dir_module())
		mount("configfs", "/sys/kernel/config", "configfs", 0, NULL);
	if (dir_module())
		return true;
	out->hint = "is it installed for this kernel, and is this root?";
	return failed(out, EXIT_FAILED, "the module %s cannot be loaded", module);
}

/* ---- a device that is there --------------------------------------------- */

/* The same words in whatever order; without any it is the same if the other is, too. */
static bool same_words(const char *a, const char *b)
{
	char *copy = say_copy(a), *rest = copy, *word;
	size_t na = 0, nb = 0;
	bool same = true;

	for (const char *p = b; *(p += strspn(p, " ")); p += strcspn(p, " "))
		nb++;
	for (; same && (word = strtok_r(rest, " ", &rest)); na++) {
		same = false;
		for (const char *p = b; !same && *(p += strspn(p, " ")); p += strcspn(p, " "))
			same = strcspn(p, " ") == strlen(word) &&
			       !strncmp(p, word, strlen(word));
	}
	free(copy);
	return same && na == nb;
}

/* Is the directory what is wanted? What may be changed at any time is changed. */
static bool adopt(const struct spec *s, struct outcome *out)
{
	char value[DIR_VALUE_SIZE];
	int ret;

	for (int a = 0; a < SPEC_ATTRS; a++) {
		if (!s->value[a])
			continue;
		dir_read(s->name, spec_key(a), value, sizeof(value));
		if (a == SPEC_TRADDR ? same_words(value, s->value[a]) :
		    !strcmp(value, s->value[a]))
			continue;
		if (!spec_any_time(a)) {
			out->hint = "disconnect it first, or give this one another name";
			return failed(out, EXIT_USAGE, "is there already, with another %s: %.250s",
				      spec_key(a), value);
		}
		ret = dir_write(s->name, spec_key(a), s->value[a]);
		if (ret)
			return refused(s->name, ret, spec_key(a), out);
	}
	return true;
}

enum there { GONE, FITS, WRONG, MOVING };

/* What to do about a directory that is there: GONE if there is none, any more. */
static enum there look(const struct spec *s, const struct attempt *how, struct outcome *out)
{
	char state[32], text[DIR_VALUE_SIZE];
	int ret;

	if (dir_read(s->name, "state", state, sizeof(state)) == -ENOENT)
		return GONE;
	if (!how->idempotent) {
		out->hint = "--idempotent takes one that is there";
		failed(out, EXIT_BUSY, "is there already, and %s", state);
		return WRONG;
	}
	if (!strcmp(state, "disabled")) {
		if (made_by(s->name) == MADE_ELSEWHERE) {
			out->hint = "enable it, or remove the directory";
			failed(out, EXIT_BUSY, "is there already, disabled, and not made by "
			       "vofctl");
			return WRONG;
		}
		/* Of an attempt that was killed, or of somebody who gave up. */
		dir_remove(s->name);
		return dir_exists(s->name) ? MOVING : GONE;
	}
	if (!strcmp(state, "failed")) {
		dir_read(s->name, "last_error", text, sizeof(text));
		out->hint = "vofctl reconnect";
		failed(out, EXIT_FAILED, "has failed: %.300s", text);
		return WRONG;
	}
	if (strcmp(state, "live") && strcmp(state, "recovering"))
		return MOVING;
	if (!adopt(s, out))
		return WRONG;
	ret = how->keep ? made_note(s->name, true) : 0;
	if (ret) {
		failed(out, EXIT_FAILED, "/run/virtio-of: %s", strerror(-ret));
		return WRONG;
	}
	out->already = true;
	return FITS;
}

/* ---- a new one ---------------------------------------------------------- */

struct enabling {
	const char *name;
	int ret;
	bool done;
	pthread_mutex_t lock;
	pthread_cond_t cond;
};

static void *enabling_thread(void *arg)
{
	struct enabling *e = arg;
	int ret = dir_write(e->name, "enable", "1");

	pthread_mutex_lock(&e->lock);
	e->ret = ret;
	e->done = true;
	pthread_cond_signal(&e->cond);
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

/*
 * Returns what the write has. @deadline of 0: the kernel's own limits are enough. One
 * who is told to stop before the kernel has begun says so again. Both may succeed: then
 * the device was live for a moment, and is not any more.
 */
static int enable(const char *name, uint64_t deadline)
{
	struct enabling e = {
		.name = name,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.cond = PTHREAD_COND_INITIALIZER,
	};
	bool told = false;
	pthread_t thread;
	char state[32];
	int ret;

	ret = pthread_create(&thread, NULL, enabling_thread, &e);
	if (ret)
		return -ret;
	pthread_mutex_lock(&e.lock);
	while (!e.done) {
		attempt_pause(&e.cond, &e.lock, TICK_MS);
		if (e.done || !(stopped || (deadline && clock_ms() >= deadline)))
			continue;
		pthread_mutex_unlock(&e.lock);
		told = !dir_write(name, "enable", "0") || told;
		pthread_mutex_lock(&e.lock);
	}
	pthread_mutex_unlock(&e.lock);
	pthread_join(thread, NULL);
	if (told && !e.ret &&
	    (dir_read(name, "state", state, sizeof(state)) || !strcmp(state, "disabled")))
		return -ECANCELED;
	return e.ret;
}

/*
 * Returns 0 or a negative errno; then nothing is left, and @out has the cause. -EAGAIN:
 * somebody has just made the directory. -EEXIST is the kernel's word on the device.
 */
static int make(const struct spec *s, const struct attempt *how, uint64_t deadline,
		struct outcome *out)
{
	int ret = dir_make(s->name);

	if (ret) {
		failed(out, ret == -ENAMETOOLONG ? EXIT_USAGE : EXIT_FAILED,
		       DIR_TOP "/%s: %s", s->name, strerror(-ret));
		return ret == -EEXIST ? -EAGAIN : ret;
	}
	ret = made_note(s->name, how->keep);
	if (ret)
		failed(out, EXIT_FAILED, "/run/virtio-of: %s", strerror(-ret));
	for (int a = 0; !ret && a < SPEC_ATTRS; a++) {
		if (!s->value[a])
			continue;
		ret = dir_write(s->name, spec_key(a), s->value[a]);
		if (ret) {
			refused(s->name, ret, spec_key(a), out);
			/* It would speak of others. */
			if (ret == -EINVAL)
				out->hint = NULL;
		}
	}
	if (!ret) {
		ret = enable(s->name, deadline);
		if (ret)
			refused(s->name, ret, "enable", out);
	}
	if (ret) {
		dir_remove(s->name);
		made_forget(s->name);
	}
	return ret;
}

/* ---- its node ----------------------------------------------------------- */

static void name_disk(const struct disk *d, struct outcome *out)
{
	char **links;
	int n = disk_links(d, "by-id", &links);

	snprintf(out->disk, sizeof(out->disk), "/dev/%s", d->name);
	for (int i = 0; i < n; i++) {
		if (!i)
			snprintf(out->disk, sizeof(out->disk), "%s", links[i]);
		free(links[i]);
	}
	free(links);
}

/* Until its disks can be opened by the names that they shall have. */
static void wait_for_node(const struct spec *s, uint64_t since, struct outcome *out)
{
	uint64_t deadline = clock_ms() + NODE_MS;
	bool udev = disk_udev(), ready;
	char path[64];
	struct disk *d;
	int n;

	dir_read(s->name, "device", out->device, sizeof(out->device));
	do {
		n = disk_list(out->device, &d);
		ready = true;
		for (int i = 0; ready && i < n; i++) {
			snprintf(path, sizeof(path), "/dev/%s", d[i].name);
			ready = udev ? disk_settled(&d[i], since) : !access(path, F_OK);
		}
		if (ready && n)
			name_disk(&d[0], out);
		free(d);
	} while (!ready && clock_ms() < deadline && sleep_until(clock_ms() + POLL_MS));
	if (!ready)
		failed(out, EXIT_FAILED, "is connected, but %s has not made its node in %d s",
		       udev ? "udev" : "the kernel", NODE_MS / 1000);
}

/* ---- all of it ---------------------------------------------------------- */

/* Whether it may pass by itself, and there is time for that. */
static bool again(const struct spec *s, const struct attempt *how, uint64_t deadline,
		  unsigned int *pause, char *said, struct outcome *out)
{
	uint64_t now = clock_ms();

	if (!how->wait || now >= deadline || stopped)
		return false;
	if (how->again && strcmp(said, out->why))
		how->again(s, out->why);
	memcpy(said, out->why, sizeof(out->why));
	if (!sleep_until(now + *pause < deadline ? now + *pause : deadline))
		return false;
	*pause = *pause * 2 < PAUSE_MAX_MS ? *pause * 2 : PAUSE_MAX_MS;
	return clock_ms() < deadline;
}

static void copy(struct spec *to, const struct spec *from)
{
	spec_free(to);
	memcpy(to->name, from->name, sizeof(to->name));
	for (int a = 0; a < SPEC_ATTRS; a++)
		if (from->value[a])
			to->value[a] = say_copy(from->value[a]);
}

/*
 * @s with addresses instead of names. A target may get others while it is away; if nobody
 * can tell, those that were right before are tried again.
 */
static bool resolve(const struct spec *wanted, struct spec *s, struct outcome *out)
{
	struct spec now;

	spec_init(&now);
	copy(&now, wanted);
	if (spec_resolve(&now, out->why)) {
		spec_free(s);
		*s = now;
		return true;
	}
	spec_free(&now);
	if (!s->value[SPEC_TRADDR]) {
		out->code = EXIT_UNREACHABLE;
		return false;
	}
	*out->why = '\0';
	return true;
}

/* Returns whether it is connected, and in @s by what addresses. */
static bool connect_device(const struct spec *wanted, struct spec *s,
			   const struct attempt *how, uint64_t deadline, struct outcome *out)
{
	uint64_t turn = clock_ms() + TURN_MS;
	unsigned int pause = PAUSE_FIRST_MS;
	char said[SPEC_ERROR_SIZE] = "";
	bool known = false;
	enum there there;
	int ret;

	if (how->wait)
		turn = deadline;
	for (;;) {
		memset(out, 0, sizeof(*out));
		if (!known && !resolve(wanted, s, out)) {
			if (!again(wanted, how, deadline, &pause, said, out))
				return false;
			continue;
		}
		known = true;
		there = look(s, how, out);
		if (there == FITS || there == WRONG)
			return there == FITS;
		if (there == MOVING) {
			if (clock_ms() < turn && sleep_until(clock_ms() + 5 * POLL_MS))
				continue;
			return failed(out, EXIT_BUSY, "somebody else is connecting or "
				      "disconnecting it");
		}
		ret = make(s, how, how->wait ? deadline : 0, out);
		if (!ret)
			return true;
		/* The time was up: what has kept it up to then is the reason. */
		if (ret == -ECANCELED && how->wait && clock_ms() >= deadline) {
			out->hint = NULL;
			return failed(out, EXIT_UNREACHABLE, *said ? "%s" :
				      "no answer within the time that was given%s", said);
		}
		if (ret == -ECANCELED && !stopped)
			return failed(out, EXIT_FAILED, "given up: somebody disconnects it");
		if (ret != -EAGAIN && !hint_passes(-ret, out->why))
			return false;
		if (!again(s, how, deadline, &pause, said, out))
			return false;
		known = false;
	}
}

/* The name's lock, or -1, and @out says why not. */
static int take_turn(const struct spec *s, uint64_t until, struct outcome *out)
{
	int fd;

	while ((fd = made_lock(s->name)) == -EWOULDBLOCK)
		if (clock_ms() >= until || !sleep_until(clock_ms() + POLL_MS))
			break;
	if (fd >= 0)
		return fd;
	if (fd == -EWOULDBLOCK)
		failed(out, EXIT_BUSY, "somebody else is connecting it");
	else
		failed(out, EXIT_FAILED, "/run/virtio-of: %s", strerror(-fd));
	return -1;
}

void attempt_connect(const struct spec *wanted, const struct attempt *how,
		     struct outcome *out)
{
	uint64_t begin = clock_ms(), deadline = begin + how->wait * 1000ULL;
	char ivqn[IVQN_MAX + 1];
	struct spec s;
	int lock;

	memset(out, 0, sizeof(*out));
	spec_init(&s);
	if (!wanted->value[SPEC_IVQN] || !*wanted->value[SPEC_IVQN])
		if (ivqn_get(ivqn) && !*ivqn) {
			failed(out, EXIT_FAILED, "this host has no name");
			goto out;
		}
	if (!load(wanted->value[SPEC_TRANSPORT], out))
		goto out;
	lock = take_turn(wanted, how->wait ? deadline : begin + TURN_MS, out);
	if (lock < 0)
		goto out;
	if (connect_device(wanted, &s, how, deadline, out))
		wait_for_node(&s, out->already ? 0 : begin, out);
	close(lock);
out:
	if (stopped && out->code)
		failed(out, EXIT_FAILED, "ended by a signal");
	spec_free(&s);
}

void attempt_say(const struct spec *s, const struct outcome *out)
{
	if (out->hint)
		say("%s: %s: %s", s->name, out->why, out->hint);
	else
		say("%s: %s", s->name, out->why);
}
