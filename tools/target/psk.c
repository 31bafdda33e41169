// SPDX-License-Identifier: GPL-2.0
/* Pre-shared keys: where they come from, and their names. Called at start and reload. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "list.h"
#include "psk.h"

#define TEXT_MAX	(1U << 20)
#define KILL_TIME	500U	/* ms, for a command that was killed to go */
static const char prefix[] = "virtio-of ";

struct psk {
	struct list	node;
	char		ivqn[VIRTIO_OF_VQN_SIZE];
	uint8_t		key[PSK_KEY_MAX];
	size_t		len;
};

struct psk_keys {
	struct list	list;
	uid_t		owner;		/* of the file; 0 for a command */
};

static void *says(char *why, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void *says(char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return NULL;
}

void psk_free(struct psk_keys *keys)
{
	if (!keys)
		return;
	while (!list_empty(&keys->list)) {
		struct psk *k = list_first(&keys->list, struct psk, node);

		list_del(&k->node);
		explicit_bzero(k, sizeof(*k));
		free(k);
	}
	free(keys);
}

static const struct psk *find(const struct psk_keys *keys, const char *ivqn)
{
	struct list *pos;

	if (!keys)
		return NULL;
	list_for_each(pos, &keys->list) {
		const struct psk *k = list_entry(pos, struct psk, node);

		if (!strcmp(k->ivqn, ivqn))
			return k;
	}
	return NULL;
}

size_t psk_find(const struct psk_keys *keys, const char *ivqn, const uint8_t **key)
{
	const struct psk *k = find(keys, ivqn);

	if (!k)
		return 0;
	*key = k->key;
	return k->len;
}

bool psk_is(const struct psk_keys *keys, const char *ivqn, const uint8_t *key, size_t len)
{
	const struct psk *k = find(keys, ivqn);
	uint8_t diff = 0;

	if (!k || k->len != len)
		return false;
	for (size_t i = 0; i < len; i++)
		diff |= k->key[i] ^ key[i];
	return !diff;
}

bool psk_trusted(const struct psk_keys *keys, const char *user)
{
	const struct passwd *pw;

	if (!keys->owner || keys->owner == geteuid())
		return true;
	pw = user ? getpwnam(user) : NULL;
	return pw && pw->pw_uid == keys->owner;
}

bool psk_same_of(const struct psk_keys *a, const struct psk_keys *b, const char *ivqn)
{
	const struct psk *x = find(a, ivqn), *y = find(b, ivqn);

	if (!x || !y)
		return !x && !y;
	return x->len == y->len && !memcmp(x->key, y->key, x->len);
}

static bool within(const struct psk_keys *a, const struct psk_keys *b)
{
	struct list *pos;

	list_for_each(pos, &a->list)
		if (!psk_same_of(a, b, list_entry(pos, struct psk, node)->ivqn))
			return false;
	return true;
}

bool psk_same(const struct psk_keys *a, const struct psk_keys *b)
{
	if (!a || !b)
		return !a && !b;
	return within(a, b) && within(b, a);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What is wrong with a line, NULL: nothing. It is taken apart in place. */
static const char *add_line(struct psk_keys *keys, char *line)
{
	static const char blank[] = " \t\r";
	char *ivqn = line + strspn(line, blank), *hex;
	struct psk *k;
	size_t n;

	if (!*ivqn || *ivqn == '#')
		return NULL;
	hex = ivqn + strcspn(ivqn, blank);
	if (*hex)
		*hex++ = 0;
	hex += strspn(hex, blank);
	n = strcspn(hex, blank);
	if (!n || hex[n + strspn(hex + n, blank)])
		return "is not IVQN and key";
	if (strlen(ivqn) >= VIRTIO_OF_VQN_SIZE)
		return "has a name of more than 255 bytes";
	if (find(keys, ivqn))
		return "has a name that was there before";
	if (n % 2 || n < 2 * PSK_KEY_MIN || n > 2 * PSK_KEY_MAX)
		return "has a key of other than 32 to 128 hexadecimal digits, two for each byte";
	k = calloc(1, sizeof(*k));
	if (!k)
		return "finds no memory";
	memcpy(k->ivqn, ivqn, strlen(ivqn));
	list_add_tail(&k->node, &keys->list);
	for (; k->len < n / 2; k->len++) {
		int high = digit(hex[2 * k->len]), low = digit(hex[2 * k->len + 1]);

		if (high < 0 || low < 0)
			return "has a key with other than hexadecimal digits";
		k->key[k->len] = high << 4 | low;
	}
	return NULL;
}

/* @text ends with a 0 at @len. */
static struct psk_keys *parse(char *text, size_t len, char *why, size_t size)
{
	struct psk_keys *keys = calloc(1, sizeof(*keys));
	unsigned int line = 0;
	char *next;

	if (!keys)
		return says(why, size, "no memory");
	list_init(&keys->list);
	if (strlen(text) != len) {
		psk_free(keys);
		return says(why, size, "is no text");
	}
	for (char *p = text; p; p = next) {
		const char *wrong;

		line++;
		next = strchr(p, '\n');
		if (next)
			*next++ = 0;
		wrong = add_line(keys, p);
		if (wrong) {
			psk_free(keys);
			return says(why, size, "line %u %s", line, wrong);
		}
	}
	if (list_empty(&keys->list)) {
		psk_free(keys);
		return says(why, size, "has no keys");
	}
	return keys;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/*
 * Reads @fd up to its end into @text of TEXT_MAX + 1 bytes, until @deadline (ms,
 * monotonic) if that is not 0. Its length, or -errno.
 */
static ssize_t read_text(int fd, char *text, uint64_t deadline)
{
	size_t len = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - now_ms();
		ssize_t n;

		if (deadline && (left <= 0 || !poll(&p, 1, left)))
			return -ETIMEDOUT;
		n = read(fd, text + len, TEXT_MAX + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += n;
		if (len > TEXT_MAX)
			return -EFBIG;
	}
	text[len] = 0;
	return len;
}

static const char *file_is_open_to_others(int fd, uid_t *owner)
{
	struct stat st;

	if (fstat(fd, &st))
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "is no regular file";
	*owner = st.st_uid;
	if (st.st_mode & 077)
		return "can be read or written by others than its owner (chmod 600)";
	return NULL;
}

struct psk_keys *psk_read_file(const char *path, char *why, size_t size)
{
	/* a FIFO must not keep us waiting */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text = malloc(TEXT_MAX + 1);
	struct psk_keys *keys = NULL;
	const char *wrong;
	uid_t owner = 0;
	ssize_t n;

	if (fd < 0 || !text) {
		says(why, size, "%s", strerror(errno));
		goto out;
	}
	/* of what is open, so that nobody can exchange it in between */
	wrong = file_is_open_to_others(fd, &owner);
	if (wrong) {
		says(why, size, "%s", wrong);
		goto out;
	}
	n = read_text(fd, text, 0);
	if (n < 0)
		says(why, size, "%s", strerror(-n));
	else
		keys = parse(text, n, why, size);
	if (keys)
		keys->owner = owner;
	explicit_bzero(text, TEXT_MAX + 1);
out:
	free(text);
	if (fd >= 0)
		close(fd);
	return keys;
}

/* The command, in a process group of its own, writes to *@fd. Its number, or -errno. */
static pid_t start(const char *command, int *fd)
{
	char *const argv[] = { "sh", "-c", (char *)command, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int ret, ends[2];
	sigset_t none, all;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	/* adapters may have left something open */
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
				 POSIX_SPAWN_SETPGROUP);
	ret = posix_spawn(&pid, "/bin/sh", &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	close(ends[1]);
	*fd = ends[0];
	if (!ret)
		return pid;
	close(ends[0]);
	return -ret;
}

/* Commands that were killed and have not gone yet: nobody waits, but they are not to stay. */
static pid_t killed[16];

static void reap(void)
{
	for (size_t i = 0; i < sizeof(killed) / sizeof(killed[0]); i++) {
		if (killed[i] && waitpid(killed[i], NULL, WNOHANG))
			killed[i] = 0;
	}
}

static void reap_later(pid_t pid)
{
	for (size_t i = 0; i < sizeof(killed) / sizeof(killed[0]); i++) {
		if (!killed[i]) {
			killed[i] = pid;
			return;
		}
	}
}

/* It has said what it had to say; false: and goes on for all that. */
static bool ended(pid_t pid, int *status, uint64_t deadline)
{
	for (;;) {
		pid_t ret = waitpid(pid, status, WNOHANG);

		if (ret == pid)
			return true;
		if ((ret < 0 && errno != EINTR) || now_ms() >= deadline)
			return false;
		usleep(2000);
	}
}

struct psk_keys *psk_read_command(const char *command, unsigned int *ms, char *why,
				  size_t size)
{
	uint64_t begun = now_ms(), deadline = begun + *ms, took;
	char *text = malloc(TEXT_MAX + 1);
	struct psk_keys *keys = NULL;
	int fd, status = 0;
	ssize_t n;
	pid_t pid;

	reap();
	if (!text)
		return says(why, size, "no memory");
	pid = start(command, &fd);
	if (pid < 0) {
		free(text);
		return says(why, size, "%s", strerror(-pid));
	}
	n = read_text(fd, text, deadline);
	close(fd);
	if (n >= 0 && !ended(pid, &status, deadline))
		n = -ETIMEDOUT;
	if (n < 0) {
		/* and whatever it has begun */
		kill(-pid, SIGKILL);
		/* unless a file that does not answer has it: nobody waits for that */
		if (!ended(pid, &status, now_ms() + KILL_TIME))
			reap_later(pid);
	}
	if (n == -ETIMEDOUT)
		says(why, size, "does not end within %u ms", *ms);
	else if (n < 0)
		says(why, size, "%s", strerror(-n));
	else if (!WIFEXITED(status) || WEXITSTATUS(status))
		says(why, size, "failed (status %d)", WIFEXITED(status) ?
		     WEXITSTATUS(status) : 128 + WTERMSIG(status));
	else
		keys = parse(text, n, why, size);
	took = now_ms() - begun;
	*ms -= took < *ms ? took : *ms;
	explicit_bzero(text, TEXT_MAX + 1);
	free(text);
	return keys;
}

bool psk_identity(char identity[PSK_IDENTITY_SIZE], const char *ivqn, const char *tvqn)
{
	if (strchr(ivqn, ' ') || strchr(tvqn, ' '))
		return false;
	snprintf(identity, PSK_IDENTITY_SIZE, "%s%s %s", prefix, ivqn, tvqn);
	return true;
}

static bool copy_name(char to[VIRTIO_OF_VQN_SIZE], const uint8_t *from, size_t len)
{
	if (!len || len >= VIRTIO_OF_VQN_SIZE || memchr(from, 0, len) ||
	    memchr(from, ' ', len))
		return false;
	memcpy(to, from, len);
	to[len] = 0;
	return true;
}

bool psk_names(const uint8_t *identity, size_t len, char ivqn[VIRTIO_OF_VQN_SIZE],
	       char tvqn[VIRTIO_OF_VQN_SIZE])
{
	size_t skip = sizeof(prefix) - 1;
	const uint8_t *blank;

	if (len <= skip || memcmp(identity, prefix, skip))
		return false;
	identity += skip;
	len -= skip;
	blank = memchr(identity, ' ', len);
	return blank && copy_name(ivqn, identity, blank - identity) &&
	       copy_name(tvqn, blank + 1, len - (blank + 1 - identity));
}
