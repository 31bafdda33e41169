// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/control.c tools/vofctl/say.c */
/* libs: -ljson-c */
/*
 * The client of the control socket: whatever is at the other end, there is an answer or an
 * exit status that tells why not.
 */
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"
#include "../../vofctl/control.h"
#include "../../vofctl/vofctl.h"

static char path[64];
static int listener;

/* What the other end says, and whether it takes the question first. */
static struct {
	const char	*text;
	size_t		len;		/* of which, over and over */
	bool		deaf;
	char		heard[256];
} other;

static void *serve(void *unused)
{
	int fd = accept(listener, NULL, NULL);
	size_t len = strlen(other.text), n = 0;
	ssize_t got;

	while (!other.deaf && n < sizeof(other.heard) - 1 && !memchr(other.heard, '\n', n)) {
		got = recv(fd, other.heard + n, sizeof(other.heard) - 1 - n, 0);
		if (got <= 0)
			break;
		n += got;
	}
	for (size_t i = 0; i < other.len; i += len)
		if (send(fd, other.text, len, MSG_NOSIGNAL) < 0)
			break;
	close(fd);
	return unused;
}

static struct json_object *ask(const char *text, size_t len, bool deaf, int *code)
{
	struct json_object *answer;
	pthread_t thread;

	other.text = text;
	other.len = len;
	other.deaf = deaf;
	memset(other.heard, 0, sizeof(other.heard));
	*code = -1;
	assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
	answer = control_ask(path, control_question("status"), code);
	pthread_join(thread, NULL);
	return answer;
}

static int set_up(void **state)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_control.%d", (int)getpid());
	memcpy(to.sun_path, path, strlen(path) + 1);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	return bind(listener, (struct sockaddr *)&to, sizeof(to)) || listen(listener, 8);
}

static int tear_down(void **state)
{
	(void)state;
	close(listener);
	return unlink(path);
}

static void an_answer(void **state)
{
	static const char * const lines[] = {
		"{\"version\":1,\"ok\":true,\"n\":7}\n",
		"{\"version\":1,\"ok\":true,\"n\":7}\nand more",
	};
	struct json_object *answer, *n;
	int code;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++) {
		answer = ask(lines[i], 1, i, &code);
		assert_non_null(answer);
		assert_true(json_object_object_get_ex(answer, "n", &n));
		assert_int_equal(json_object_get_int(n), 7);
		json_object_put(answer);
		if (!i)
			assert_string_equal(other.heard,
					    "{\"version\":1,\"command\":\"status\"}\n");
	}
}

static void what_is_not_done(void **state)
{
	static const struct {
		const char *text;
		int code;
	} all[] = {
		{ "{\"ok\":false,\"error\":\"no such device\",\"code\":3}\n", EXIT_NO_TARGET },
		{ "{\"ok\":false,\"error\":\"x\",\"code\":2}\n", EXIT_USAGE },
		{ "{\"ok\":false,\"error\":\"x\",\"code\":0}\n", EXIT_FAILED },
		{ "{\"ok\":false,\"error\":\"x\",\"code\":77}\n", EXIT_FAILED },
		{ "{\"ok\":false,\"error\":\"x\",\"code\":\"3x\"}\n", EXIT_NO_TARGET },
		{ "{\"ok\":false,\"error\":\"x\"}\n", EXIT_FAILED },
		{ "{\"ok\":false,\"error\":[\"x\"]}\n", EXIT_FAILED },
		{ "{}\n", EXIT_FAILED }, { "[]\n", EXIT_FAILED }, { "null\n", EXIT_FAILED },
		{ "7\n", EXIT_FAILED }, { "garbage\n", EXIT_FAILED }, { "\n", EXIT_FAILED },
		{ "{\"ok\":true\n", EXIT_FAILED }, { "{\"ok\":\"\xff\"}\n", EXIT_FAILED },
		/* half a line */
		{ "{\"ok\":true}", EXIT_UNREACHABLE },
	};
	int code;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
		assert_null(ask(all[i].text, 1, i % 2, &code));
		if (code != all[i].code)
			fail_msg("%s: %d", all[i].text, code);
	}
	/* not a word */
	assert_null(ask("x", 0, false, &code));
	assert_int_equal(code, EXIT_UNREACHABLE);
	/* no end */
	assert_null(ask("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
			32U << 20, false, &code));
	assert_int_equal(code, EXIT_UNREACHABLE);
}

static void nobody_there(void **state)
{
	char longest[200];
	int code = -1;

	(void)state;
	assert_null(control_ask("/no/such/socket", control_question("status"), &code));
	assert_int_equal(code, EXIT_UNREACHABLE);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_null(control_ask(longest, control_question("status"), &code));
	assert_int_equal(code, EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer),
		cmocka_unit_test(what_is_not_done),
		cmocka_unit_test(nobody_there),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
