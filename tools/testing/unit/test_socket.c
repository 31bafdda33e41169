// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/loop.c tools/target/timers.c */
/* libs: -luring */
/*
 * The control socket, on the real loop: whatever a client does or leaves undone, others are
 * answered, and its place is free again.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

/* Long enough for the slowest machine to be answered within, short enough to be waited for. */
#define SOCKET_PATIENCE	1500

static int bind_or_not(int fd, const struct sockaddr *to, socklen_t len);

#define bind(fd, to, len)	bind_or_not(fd, to, len)
#include "../../target/socket.c"
#undef bind

#define LARGE	(8U << 20)
#define GRACE	30000	/* ms, for what has to happen */

/* How often something was wrong, and what was last. */
static unsigned int wrongs;
static char last[256];

void log_err(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(last, sizeof(last), fmt, ap);
	va_end(ap);
	wrongs++;
}

/* The so many times that it will still be done; 0: always. */
static unsigned int binds;

static int bind_or_not(int fd, const struct sockaddr *to, socklen_t len)
{
	if (binds && !--binds) {
		errno = EROFS;
		return -1;
	}
	return bind(fd, to, len);
}

void log_warn(const char *fmt, ...)
{
	(void)fmt;
}

void log_debug(const char *fmt, ...)
{
	(void)fmt;
}

bool log_ok(struct log_limit *limit)
{
	(void)limit;
	return true;
}

static atomic_uint asked, longest;
static atomic_bool over;

static char *text(const char *s, size_t *out)
{
	*out = strlen(s);
	return strdup(s);
}

/* "large" gets more than any socket takes, "nothing" none, others their length. */
static char *tell(const char *line, size_t len, size_t *out)
{
	char buf[32];

	asked++;
	if (len > longest)
		longest = len;
	if (!strcmp(line, "nothing"))
		return NULL;
	if (!strcmp(line, "large")) {
		*out = LARGE;
		return memset(malloc(LARGE), 'x', LARGE);
	}
	snprintf(buf, sizeof(buf), "%zu\n", len);
	return text(buf, out);
}

static char *tell_why(const char *why, size_t *out)
{
	return text(why, out);
}

static const struct socket_ops socket_ops = { .answer = tell, .refuse = tell_why };

/* ---- the target's side: a loop in a thread of its own ------------------------- */

static char dir[64], path[80];
static pthread_t thread;

static bool look(void)
{
	static bool closed;

	if (over && !closed) {
		closed = true;
		socket_close();
		return true;
	}
	if (closed)
		loop_stop();
	return false;
}

/* It sleeps a second at most. */
static void nothing(void)
{
}

static const struct loop_hooks hooks = { .poll = look, .flush = nothing };

static void *run(void *unused)
{
	loop_run();
	return unused;
}

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_socket.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/sock", dir);
	if (loop_init(&hooks) || socket_open(path, &socket_ops))
		return -1;
	return pthread_create(&thread, NULL, run, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

/* ---- clients ------------------------------------------------------------------ */

static int client(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void say(int fd, const void *what, size_t len)
{
	/* who is not listened to any more hears so when it reads */
	while (len) {
		ssize_t n = send(fd, what, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		what = (const char *)what + n;
		len -= n;
	}
}

/* All up to the end, which has to come; what came is in @buf. */
static size_t hear(int fd, char *buf, size_t size)
{
	size_t have = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char rest[4096];
		ssize_t n;

		assert_int_equal(poll(&p, 1, GRACE), 1);
		n = have < size - 1 ? recv(fd, buf + have, size - 1 - have, 0) :
				      recv(fd, rest, sizeof(rest), 0);
		if (n <= 0)
			break;
		have += n;
	}
	buf[have < size ? have : size - 1] = 0;
	close(fd);
	return have;
}

static void is_answered(void)
{
	char buf[64];
	int fd = client();

	say(fd, "hello\n", 6);
	hear(fd, buf, sizeof(buf));
	assert_string_equal(buf, "5\n");
}

static void ends_without_a_word(int fd)
{
	char buf[64];

	assert_int_equal(hear(fd, buf, sizeof(buf)), 0);
}

static uint64_t ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/* ---- tests -------------------------------------------------------------------- */

static void a_line_and_its_answer(void **state)
{
	int fd = client();
	char buf[64];

	(void)state;
	is_answered();
	/* in pieces; what follows is nobody's question */
	say(fd, "hel", 3);
	is_answered();
	say(fd, "lo!\nreload\n", 11);
	hear(fd, buf, sizeof(buf));
	assert_string_equal(buf, "6\n");
	/* no memory for an answer */
	fd = client();
	say(fd, "nothing\n", 8);
	ends_without_a_word(fd);
	/* zeroes are bytes of a line */
	fd = client();
	say(fd, "\0\0\xff\n", 4);
	hear(fd, buf, sizeof(buf));
	assert_string_equal(buf, "3\n");
}

static void half_a_line(void **state)
{
	unsigned int before = asked;
	uint64_t since = ms();
	int fd = client();

	(void)state;
	say(fd, "status", 6);
	close(fd);
	/* and one that stays, and says no more */
	fd = client();
	say(fd, "status", 6);
	ends_without_a_word(fd);
	assert_true(ms() - since >= SOCKET_PATIENCE);
	assert_int_equal(asked, before);
	is_answered();
}

static void too_long_a_line(void **state)
{
	static char line[2 * SOCKET_LINE];
	unsigned int before = asked;
	int fd = client();
	char buf[64];

	(void)state;
	memset(line, 'a', sizeof(line));
	say(fd, line, sizeof(line));
	hear(fd, buf, sizeof(buf));
	assert_string_equal(buf, "the line is too long");
	assert_int_equal(asked, before);
	/* the longest that is not */
	fd = client();
	line[SOCKET_LINE - 1] = '\n';
	say(fd, line, SOCKET_LINE);
	hear(fd, buf, sizeof(buf));
	assert_int_equal(atoi(buf), SOCKET_LINE - 1);
}

static void who_does_not_read(void **state)
{
	static char buf[LARGE + 1];
	uint64_t since = ms();
	int fd = client();
	size_t n;

	(void)state;
	say(fd, "large\n", 6);
	/* meanwhile others are answered */
	while (ms() - since < SOCKET_PATIENCE / 2)
		is_answered();
	while (ms() - since < 2 * SOCKET_PATIENCE)
		usleep(10000);
	/* what was on its way, and no more */
	n = hear(fd, buf, sizeof(buf));
	assert_in_range(n, 1, LARGE - 1);
	/* who does gets all of it */
	fd = client();
	say(fd, "large\n", 6);
	assert_int_equal(hear(fd, buf, sizeof(buf)), LARGE);
}

static void too_many(void **state)
{
	int fds[SOCKET_CLIENTS], fd;
	char buf[64];

	(void)state;
	for (unsigned int i = 0; i < SOCKET_CLIENTS; i++)
		fds[i] = client();
	hear(client(), buf, sizeof(buf));
	assert_string_equal(buf, "too many clients, try again");
	/* whose place is free again when they go */
	say(fds[0], "hello\n", 6);
	hear(fds[0], buf, sizeof(buf));
	assert_string_equal(buf, "5\n");
	for (unsigned int i = 1; i < SOCKET_CLIENTS; i++)
		close(fds[i]);
	for (uint64_t since = ms(); ms() - since < GRACE;) {
		fd = client();
		say(fd, "hello\n", 6);
		hear(fd, buf, sizeof(buf));
		if (!strcmp(buf, "5\n"))
			break;
	}
	for (unsigned int i = 0; i < 5 * SOCKET_CLIENTS; i++)
		is_answered();
}

/* As another user: what becomes of its question, as a letter. */
static char stranger(void)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		struct sockaddr_un to = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		char buf[64];

		snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
		if (setuid(65534))
			_exit('?');
		if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
			_exit(errno == EACCES ? 'A' : 'E');
		say(fd, "hello\n", 6);
		hear(fd, buf, sizeof(buf));
		_exit(strcmp(buf, "not for this user") ? 'a' : 'R');
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void only_for_us(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	if (geteuid())
		skip();
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(stranger(), 'A');
	/* nor if somebody opens it to everybody */
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(stranger(), 'R');
	is_answered();
}

/* To be closed: then it is one of a process that was killed. */
static int leave_socket(const struct sockaddr_un *at, int type)
{
	int fd = socket(AF_UNIX, type, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)at, sizeof(*at)), 0);
	return fd;
}

/* The last one: then the loop has ended. */
static void what_is_in_the_way(void **state)
{
	struct sockaddr_un old = addr;
	int fd = client();

	(void)state;
	/* of a target that lives */
	assert_false(make_way());
	is_answered();
	over = true;
	ends_without_a_word(fd);
	pthread_join(thread, NULL);
	assert_int_equal(access(path, F_OK), -1);
	/* of one that was killed */
	close(leave_socket(&old, SOCK_STREAM));
	assert_int_equal(socket_open(path, &socket_ops), 0);
	socket_close();
	/* which gave way in vain: that is said, and not what had been wrong before */
	close(leave_socket(&old, SOCK_STREAM));
	wrongs = 0;
	binds = 2;
	assert_int_equal(socket_open(path, &socket_ops), -1);
	assert_int_equal(wrongs, 1);
	assert_non_null(strstr(last, strerror(EROFS)));
	binds = 0;
	/* of another kind, and alive: once said is enough */
	fd = leave_socket(&old, SOCK_DGRAM);
	wrongs = 0;
	assert_int_equal(socket_open(path, &socket_ops), -1);
	assert_int_equal(wrongs, 1);
	assert_non_null(strstr(last, "another process has it"));
	close(fd);
	unlink(path);
	/* something else */
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(socket_open(path, &socket_ops), -1);
	assert_int_equal(access(path, F_OK), 0);
	loop_exit();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_and_its_answer),
		cmocka_unit_test(half_a_line),
		cmocka_unit_test(too_long_a_line),
		cmocka_unit_test(who_does_not_read),
		cmocka_unit_test(too_many),
		cmocka_unit_test(only_for_us),
		cmocka_unit_test(what_is_in_the_way),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
