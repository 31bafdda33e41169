// SPDX-License-Identifier: GPL-2.0
/*
 * The client's side of the control socket: one line out, one line back. What comes back is
 * as long as it may be, and JSON, or it is refused.
 */
#include "control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "say.h"
#include "vofctl.h"

#define ANSWER_MAX	((16U << 20) + 1)
#define PATIENCE	60	/* s: a reload may run commands for keys, each for 5 s */
#define DEPTH		16

struct json_object *control_question(const char *command)
{
	struct json_object *q = json_object_new_object();

	json_object_object_add(q, "version", json_object_new_int(1));
	json_object_object_add(q, "command", json_object_new_string(command));
	return q;
}

static int reach(const char *path, int *code)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(to.sun_path)) {
		*code = say_fail(EXIT_USAGE, "%s: too long a path for a socket", path);
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
			return fd;
	}
	if (errno == EACCES || errno == EPERM)
		*code = say_fail(EXIT_REFUSED, "%s: only for root", path);
	else if (errno == ENOENT || errno == ECONNREFUSED)
		*code = say_fail(EXIT_UNREACHABLE, "%s: no target is there: systemctl status "
				 "virtio-of-target, or give it --control", path);
	else
		*code = say_fail(EXIT_UNREACHABLE, "%s: %m", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Who is refused hears why, whatever became of its question. */
static void tell(int fd, const char *line, size_t len)
{
	while (len) {
		ssize_t n = send(fd, line, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		line += n;
		len -= n;
	}
}

/* One line without its end, to be freed; NULL: errno tells why there is none. */
static char *hear(int fd, size_t *len)
{
	size_t room = 65536;
	char *line = say_alloc(room);

	*len = 0;
	for (;;) {
		ssize_t n = recv(fd, line + *len, room - *len, 0);
		char *eol;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (!n)
				errno = ECONNRESET;
			break;
		}
		eol = memchr(line + *len, '\n', n);
		*len += n;
		if (eol) {
			*len = eol - line;
			return line;
		}
		if (*len == room && room >= ANSWER_MAX) {
			errno = EMSGSIZE;
			break;
		}
		if (*len == room) {
			room = 4 * room < ANSWER_MAX ? 4 * room : ANSWER_MAX;
			line = say_grow(line, room, 1);
		}
	}
	free(line);
	return NULL;
}

static struct json_object *parse(const char *line, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(DEPTH);
	struct json_object *o;

	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, line, len);
	if (json_tokener_get_error(tok) != json_tokener_success ||
	    !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(tok);
	return o;
}

/* Of what the target did not do, the exit status that it gave. */
static int refused(struct json_object *answer)
{
	struct json_object *why = NULL, *code = NULL;
	int n;

	json_object_object_get_ex(answer, "error", &why);
	json_object_object_get_ex(answer, "code", &code);
	n = json_object_get_int(code);
	if (!json_object_is_type(why, json_type_string))
		return say_fail(EXIT_FAILED, "the target did not do it, and did not say why");
	return say_fail(n >= EXIT_FAILED && n <= EXIT_BUSY ? n : EXIT_FAILED, "%s",
			json_object_get_string(why));
}

struct json_object *control_ask(const char *path, struct json_object *question, int *code)
{
	struct json_object *answer = NULL, *ok = NULL;
	const char *text;
	size_t len;
	char *line;
	int fd = reach(path, code);

	if (fd < 0) {
		json_object_put(question);
		return NULL;
	}
	text = json_object_to_json_string_length(question, JSON_C_TO_STRING_PLAIN, &len);
	tell(fd, text, len);
	tell(fd, "\n", 1);
	json_object_put(question);
	line = hear(fd, &len);
	if (line)
		answer = parse(line, len);
	else
		*code = say_fail(EXIT_UNREACHABLE, "%s: no answer: %s", path,
				 errno == EAGAIN ? "it takes too long" : strerror(errno));
	close(fd);
	if (line && !answer)
		*code = say_fail(EXIT_FAILED, "%s: the answer is no JSON", path);
	free(line);
	if (!answer)
		return NULL;
	if (json_object_object_get_ex(answer, "ok", &ok) && json_object_get_boolean(ok))
		return answer;
	*code = refused(answer);
	json_object_put(answer);
	return NULL;
}
