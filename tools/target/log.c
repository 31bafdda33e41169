// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to standard error, which nobody may be reading.
 *
 * Called from the event loop only, which must never wait for whoever reads: a pipe
 * that is full, a terminal that is stopped, a file on a server that does not answer.
 * So messages are put into a bounded buffer, and from log_start() on a thread writes
 * them. What does not fit is counted and dropped, and the count is said when there is
 * room again. O_NONBLOCK would not do: files ignore it, and a description that is
 * shared with a shell is not ours to change.
 *
 * Each message is one write, so that lines of several processes do not mix.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "thread.h"

#define LOG_LINE	PIPE_BUF	/* the longest message, with its prefix */
#define LOG_BUFFER	(64U << 10)
#define LOG_PATIENCE	1000	/* ms for what is left at the end, or before log_start() */

#ifndef LOG_PROGRAM
#define LOG_PROGRAM	"virtio-of-target"
#endif

int log_verbose;
struct log_limit log_peers;

static struct {
	pthread_mutex_t	lock;
	pthread_cond_t	filled, emptied;
	char		buf[LOG_BUFFER];	/* lines, each with its end */
	size_t		head, used;
	unsigned long	dropped;		/* since the last line in it */
	bool		writing;		/* a line has been taken out */
	bool		started;		/* the thread is there */
	bool		stuck;			/* nobody reads, seen before it was */
} out = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.filled = PTHREAD_COND_INITIALIZER,
	.emptied = PTHREAD_COND_INITIALIZER,
};

/* False: no room. */
static bool put(const char *line, size_t len)
{
	size_t at = (out.head + out.used) % LOG_BUFFER, first = LOG_BUFFER - at;

	if (len > LOG_BUFFER - out.used)
		return false;
	if (first > len)
		first = len;
	memcpy(out.buf + at, line, first);
	memcpy(out.buf, line + first, len - first);
	out.used += len;
	return true;
}

/* The next line, its end included. */
static size_t take(char *line)
{
	size_t n = 0;

	while (out.used && n < LOG_LINE) {
		char c = out.buf[out.head];

		out.head = (out.head + 1) % LOG_BUFFER;
		out.used--;
		line[n++] = c;
		if (c == '\n')
			break;
	}
	return n;
}

/*
 * systemd says which file the journal reads; there a line may tell how much it matters,
 * and need not tell whose it is. Anywhere else it is the other way round.
 */
static bool to_journal(void)
{
	static int known = -1;
	const char *s = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	if (known < 0)
		known = s && sscanf(s, "%llu:%llu", &dev, &ino) == 2 &&
			!fstat(STDERR_FILENO, &st) && st.st_dev == dev &&
			st.st_ino == ino;
	return known;
}

static size_t format(char *line, const char *level, const char *prefix, const char *text)
{
	int n = snprintf(line, LOG_LINE, "%s%s%s\n",
			 to_journal() ? level : LOG_PROGRAM ": ", prefix, text);

	if (n < 0)
		return 0;
	if (n >= LOG_LINE) {
		n = LOG_LINE - 1;
		line[n - 1] = '\n';
	}
	return n;
}

/* Say how many are missing, behind what they would have come after. */
static void put_dropped(void)
{
	char text[100], line[LOG_LINE];

	if (!out.dropped)
		return;
	snprintf(text, sizeof(text),
		 "%lu messages were left out, standard error did not take them",
		 out.dropped);
	if (put(line, format(line, "<4>", "warning: ", text)))
		out.dropped = 0;
}

static bool writable(int ms)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&p, 1, ms) > 0;
}

/* False: it cannot be written at all. */
static bool write_line(const char *line, size_t len)
{
	while (len) {
		ssize_t n = write(STDERR_FILENO, line, len);

		if (n >= 0) {
			line += n;
			len -= n;
		} else if (errno == EAGAIN) {
			/* whoever shares it has made it so */
			if (!writable(LOG_PATIENCE) && !out.started)
				return false;
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

static void *writer(void *arg)
{
	char line[LOG_LINE];

	(void)arg;
	pthread_mutex_lock(&out.lock);
	for (;;) {
		size_t len;
		bool ok;

		if (!out.used)
			put_dropped();
		if (!out.used) {
			pthread_cond_broadcast(&out.emptied);
			pthread_cond_wait(&out.filled, &out.lock);
			continue;
		}
		len = take(line);
		out.writing = true;
		pthread_mutex_unlock(&out.lock);
		ok = write_line(line, len);
		pthread_mutex_lock(&out.lock);
		out.writing = false;
		/* a full disk, say: with the next message it is tried again */
		if (!ok) {
			out.dropped++;
			if (!out.used) {
				pthread_cond_broadcast(&out.emptied);
				pthread_cond_wait(&out.filled, &out.lock);
			}
		}
	}
	return NULL;
}

/*
 * Without the thread: what is taken at once. Whoever has not read for so long does not
 * read, and is not waited for again.
 */
static void write_now(int patience)
{
	char line[LOG_LINE];

	while (out.used && writable(out.stuck ? 0 : patience)) {
		out.stuck = false;
		if (!write_line(line, take(line)))
			out.dropped++;
		else if (!out.used)
			put_dropped();
	}
	out.stuck = out.used;
}

/* At the end of the process: what is left, as long as somebody reads it. */
static void finish(void)
{
	struct timespec end;

	pthread_mutex_lock(&out.lock);
	if (out.started) {
		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_sec += LOG_PATIENCE / 1000;
		while ((out.used || out.writing) &&
		       !pthread_cond_timedwait(&out.emptied, &out.lock, &end))
			;
	} else {
		write_now(LOG_PATIENCE);
	}
	pthread_mutex_unlock(&out.lock);
}

void log_start(void)
{
	out.started = !thread_start(NULL, writer, NULL);
	atexit(finish);
	if (!out.started)
		log_warn("no thread for messages: some may be left out");
}

static void emit(const char *level, const char *prefix, const char *fmt, va_list ap)
{
	char text[LOG_LINE], line[LOG_LINE];
	size_t len;

	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		return;
	len = format(line, level, prefix, text);
	pthread_mutex_lock(&out.lock);
	put_dropped();
	if (out.dropped || !put(line, len))
		out.dropped++;
	if (out.started)
		pthread_cond_signal(&out.filled);
	else
		write_now(LOG_PATIENCE);
	pthread_mutex_unlock(&out.lock);
}

#define DEFINE_LOG(name, level, prefix, cond)		\
	void name(const char *fmt, ...)			\
	{						\
		va_list ap;				\
							\
		if (!(cond))				\
			return;				\
		va_start(ap, fmt);			\
		emit(level, prefix, fmt, ap);		\
		va_end(ap);				\
	}

DEFINE_LOG(log_err, "<3>", "error: ", 1)
DEFINE_LOG(log_warn, "<4>", "warning: ", 1)
DEFINE_LOG(log_info, "<6>", "", 1)
DEFINE_LOG(log_debug, "<7>", "", log_verbose)

bool log_ok(struct log_limit *limit)
{
	struct timespec ts;
	unsigned long long now;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
	if (!limit->count || now - limit->since >= LOG_INTERVAL) {
		if (limit->dropped)
			log_warn("%u messages like the next one were left out",
				 limit->dropped);
		limit->since = now;
		limit->count = 0;
		limit->dropped = 0;
	}
	if (limit->count >= LOG_BURST) {
		limit->dropped++;
		return false;
	}
	limit->count++;
	return true;
}

/*
 * Everything that is not printable ASCII is shown as \xNN: a name can then
 * neither forge a line of the log nor drive a terminal.
 */
const char *log_escape(char *buf, size_t size, const char *name)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (; *name && n + 5 <= size; name++) {
		unsigned char c = *name;

		if (c > 0x20 && c < 0x7f && c != '\\' && c != '"') {
			buf[n++] = c;
		} else {
			buf[n++] = '\\';
			buf[n++] = 'x';
			buf[n++] = hex[c >> 4];
			buf[n++] = hex[c & 15];
		}
	}
	buf[n] = 0;
	return buf;
}
