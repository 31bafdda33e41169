// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/admin.c tools/target/report.c tools/target/answer.c */
/* link: tools/target/log.c tools/target/thread.c */
/* libs: -ljson-c -Wl,--wrap=malloc,--wrap=json_tokener_new_ex,--wrap=json_object_new_object */
/* libs: -Wl,--wrap=json_object_new_array,--wrap=json_object_new_string */
/* libs: -Wl,--wrap=json_object_new_int,--wrap=json_object_new_uint64 */
/* libs: -Wl,--wrap=json_object_new_boolean,--wrap=json_object_object_add */
/* libs: -Wl,--wrap=json_object_array_add,--wrap=json_object_to_json_string_length */
/*
 * Questions of the control socket: each right one does what it says, no other one does
 * anything, and every answer is one line of JSON whatever names and bytes there are.
 */
#include "unit.h"
#include "../../target/added.h"
#include "../../target/admin.h"
#include "../../target/answer.h"
#include "../../target/config.h"
#include "../../target/devices.h"
#include "../../target/instance.h"
#include "../../target/reload.h"
#include "../../target/report.h"
#include "../../target/types.h"

/* ---- memory, which there may be none of ---------------------------------------- */

/* The so-manieth time that some is asked for there is none; 0: there always is. */
static unsigned int none_at;
static unsigned int n_objects;	/* that were made */

static bool none(void)
{
	return none_at && !--none_at;
}

typeof(malloc) __real_malloc;
typeof(json_tokener_new_ex) __real_json_tokener_new_ex;
typeof(json_object_new_object) __real_json_object_new_object;
typeof(json_object_new_array) __real_json_object_new_array;
typeof(json_object_new_string) __real_json_object_new_string;
typeof(json_object_new_int) __real_json_object_new_int;
typeof(json_object_new_uint64) __real_json_object_new_uint64;
typeof(json_object_new_boolean) __real_json_object_new_boolean;
typeof(json_object_object_add) __real_json_object_object_add;
typeof(json_object_array_add) __real_json_object_array_add;
typeof(json_object_to_json_string_length) __real_json_object_to_json_string_length;

void *__wrap_malloc(size_t n)
{
	return none() ? NULL : __real_malloc(n);
}

struct json_tokener *__wrap_json_tokener_new_ex(int depth)
{
	return none() ? NULL : __real_json_tokener_new_ex(depth);
}

struct json_object *__wrap_json_object_new_object(void)
{
	n_objects++;
	return none() ? NULL : __real_json_object_new_object();
}

struct json_object *__wrap_json_object_new_array(void)
{
	return none() ? NULL : __real_json_object_new_array();
}

struct json_object *__wrap_json_object_new_string(const char *s)
{
	return none() ? NULL : __real_json_object_new_string(s);
}

struct json_object *__wrap_json_object_new_int(int32_t i)
{
	return none() ? NULL : __real_json_object_new_int(i);
}

struct json_object *__wrap_json_object_new_uint64(uint64_t i)
{
	return none() ? NULL : __real_json_object_new_uint64(i);
}

struct json_object *__wrap_json_object_new_boolean(json_bool b)
{
	return none() ? NULL : __real_json_object_new_boolean(b);
}

int __wrap_json_object_object_add(struct json_object *o, const char *key, struct json_object *v)
{
	return none() ? -1 : __real_json_object_object_add(o, key, v);
}

int __wrap_json_object_array_add(struct json_object *o, struct json_object *v)
{
	return none() ? -1 : __real_json_object_array_add(o, v);
}

const char *__wrap_json_object_to_json_string_length(struct json_object *o, int flags, size_t *n)
{
	return none() ? NULL : __real_json_object_to_json_string_length(o, flags, n);
}

/* ---- what is asked ------------------------------------------------------------ */

struct config config;
static struct list all_devs = { &all_devs, &all_devs };
static struct list all_instances = { &all_instances, &all_instances };
/* What was done, in words. */
static char done[4096];
static const char *problem;
static unsigned int left_out;
static struct dev_cfg made;

static void did(const char *fmt, ...)
{
	size_t n = strlen(done);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(done + n, sizeof(done) - n, fmt, ap);
	va_end(ap);
}

struct list *devices(void)
{
	return &all_devs;
}

struct list *instances(void)
{
	return &all_instances;
}

struct dev *device_find(const char *tvqn)
{
	struct list *pos;

	list_for_each(pos, &all_devs) {
		struct dev *dev = list_entry(pos, struct dev, node);

		if (!strcmp(dev->cfg->tvqn, tvqn))
			return dev;
	}
	return NULL;
}

const struct dev_cfg *device_cfg(const struct dev *dev)
{
	return dev->cfg;
}

unsigned int admit_joined(void)
{
	return 3;
}

uint64_t admit_memory(void)
{
	return 5ULL << 40;
}

const char *added_device(struct config *c, const char *type, const struct added_key *keys,
			 unsigned int n)
{
	did("make %s", type);
	for (unsigned int i = 0; i < n && i < 8; i++)
		did(" %s=%s", keys[i].key, keys[i].value ? keys[i].value : "(alone)");
	if (n > 8)
		did(" and so on, %u", n);
	did(".");
	if (problem)
		return problem;
	list_init(&c->devs);
	list_init(&made.node);
	list_add_tail(&made.node, &c->devs);
	return NULL;
}

const char *devices_add(struct config *c)
{
	did("add %s.", list_first(&c->devs, struct dev_cfg, node)->tvqn);
	return NULL;
}

void devices_remove(struct dev *dev)
{
	did("remove %s.", dev->cfg->tvqn);
}

static const char *read_again(struct reload_tally *tally)
{
	did("reload.");
	if (!problem)
		tally->n[RELOAD_ADD] = 7;
	tally->failed = left_out;
	return problem;
}

static void it_has(void)
{
	did("changed.");
}

static const struct admin_ops admin_ops = { .reload = read_again, .changed = it_has };
static const struct socket_ops *socket_ops;

/* ---- two devices, one of them with an initiator -------------------------------- */

static const struct dev_type type = { .name = "blk" };
static struct dev_cfg cfgs[2] = {
	{ .type = &type, .backing = BACKING_MEM, .tvqn = "one", .where = "a.conf:3: " },
	{ .type = &type, .backing = BACKING_FILE, .tvqn = "two", .where = "", .added = true,
	  .path = (char *)"/dev/\xff\n" },
};

static struct backend be = { .size = 1 << 20 };

static struct dev devs[2] = {
	{ .cfg = &cfgs[0], .open = true, .backend = &be, .block_size = 512 },
	{ .cfg = &cfgs[1], .told = 2 },
};

static const struct transport tcp = { .scheme = "tcp" };
static struct conn ctrl = { .ops = &tcp, .kind = PROTO_CONTROL, .name = "192.0.2.1:9" };
static struct conn vq = { .ops = &tcp, .kind = PROTO_VIRTQUEUE, .in_device = 2 };
static struct instance inst = { .dev = &devs[0], .ctrl = &ctrl, .id = 4, .serving = true };
static struct listen_cfg listening = { .url = (char *)"tcp://192.0.2.9" };

static int set_up(void **state)
{
	(void)state;
	done[0] = 0;
	problem = NULL;
	snprintf(made.tvqn, sizeof(made.tvqn), "made");
	if (socket_ops)
		return 0;
	socket_ops = admin_begin(&admin_ops);
	list_init(&config.listens);
	list_add_tail(&listening.node, &config.listens);
	config.max_connections = 1024;
	list_add_tail(&devs[0].node, &all_devs);
	list_add_tail(&devs[1].node, &all_devs);
	list_add_tail(&inst.node, &all_instances);
	list_init(&inst.conns);
	list_add_tail(&ctrl.mates, &inst.conns);
	list_add_tail(&vq.mates, &inst.conns);
	devs[0].count[BIO_READ] = (struct dev_count){ 3, 4096, 1 };
	return 0;
}

/* What is said to @len bytes: one line, an object of version 1. To be put. */
static struct json_object *ask_bytes(const char *line, size_t len)
{
	/* of its exact size, so that reading too far is seen */
	char *copy = malloc(len + 1), *said, *eol;
	struct json_object *o, *member;
	size_t n = 0;

	memcpy(copy, line, len);
	copy[len] = 0;
	said = socket_ops->answer(copy, len, &n);
	free(copy);
	assert_non_null(said);
	eol = memchr(said, '\n', n);
	assert_ptr_equal(eol, said + n - 1);
	*eol = 0;
	assert_int_equal(strlen(said), n - 1);
	o = json_tokener_parse(said);
	free(said);
	assert_true(json_object_is_type(o, json_type_object));
	assert_true(json_object_object_get_ex(o, "version", &member));
	assert_int_equal(json_object_get_int(member), 1);
	assert_true(json_object_object_get_ex(o, "ok", &member));
	assert_int_equal(!json_object_get_boolean(member),
			 json_object_object_get_ex(o, "error", NULL));
	return o;
}

/* The answer as text, "" for one that is nothing but ok. */
static const char *ask(const char *line)
{
	static char buf[8192];
	struct json_object *o = ask_bytes(line, strlen(line));

	json_object_object_del(o, "version");
	if (!json_object_object_get_ex(o, "error", NULL))
		json_object_object_del(o, "ok");
	snprintf(buf, sizeof(buf), "%s",
		 json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
						JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return buf;
}

#define Q(rest)		"{\"version\":1,\"command\":" rest "}"
#define NO(why, code)	"{\"ok\":false,\"error\":\"" why "\",\"code\":" code "}"

/* ---- tests --------------------------------------------------------------------- */

static const char status[] =
	"{\"target\":\"unit\",\"connections\":3,\"max_connections\":1024,"
	"\"memory\":5497558138880,\"max_memory\":0,\"listen\":[\"tcp://192.0.2.9\"],"
	"\"devices\":[{\"tvqn\":\"one\",\"type\":\"blk\",\"state\":\"served\","
	"\"where\":\"a.conf:3\",\"added\":false,\"queues\":0,\"backing\":\"mem\","
	"\"serial\":\"\",\"size\":1048576,\"block_size\":512,\"readonly\":false,"
	"\"initiators\":[{\"ivqn\":\"\",\"instance\":4,\"transport\":\"tcp\","
	"\"address\":\"192.0.2.1:9\",\"serving\":true,\"queues\":1,\"in_flight\":2}]},"
	"{\"tvqn\":\"two\",\"type\":\"blk\",\"state\":\"waiting\","
	"\"error\":\"No such file or directory\",\"added\":true,\"queues\":0,"
	"\"backing\":\"file\",\"path\":\"/dev/\\\\xff\\\\x0a\",\"serial\":\"\","
	"\"initiators\":[]}]}";

static const char stats[] =
	"{\"connections\":3,\"max_connections\":1024,\"memory\":5497558138880,"
	"\"max_memory\":0,\"devices\":[{\"tvqn\":\"one\","
	"\"reads\":{\"done\":3,\"bytes\":4096,\"failed\":1},"
	"\"writes\":{\"done\":0,\"bytes\":0,\"failed\":0},"
	"\"flushes\":{\"done\":0,\"failed\":0},"
	"\"discards\":{\"done\":0,\"bytes\":0,\"failed\":0},"
	"\"zeroes\":{\"done\":0,\"bytes\":0,\"failed\":0},\"initiators\":1}]}";

static void status_and_stats(void **state)
{
	(void)state;
	assert_string_equal(ask(Q("\"status\"")), status);
	assert_string_equal(ask(Q("\"stats\",\"tvqn\":\"one\"")), stats);
	assert_non_null(strstr(ask(Q("\"status\",\"tvqn\":\"three\"")),
			       "\"error\":\"three: no such device\",\"code\":3"));
	assert_string_equal(done, "");
}

static void what_is_done(void **state)
{
	(void)state;
	assert_string_equal(ask(Q("\"add\",\"type\":\"blk\",\"keys\":{\"tvqn\":\"x\","
				  "\"allow\":[\"p\",\"q\"],\"readonly\":true,"
				  "\"writeback\":false}")),
			    "{}");
	assert_string_equal(done, "make blk tvqn=x allow=p allow=q readonly=(alone) "
			    "writeback=no.add made.changed.");
	done[0] = 0;
	assert_string_equal(ask(Q("\"remove\",\"tvqn\":\"one\"")), "{\"where\":\"a.conf:3\"}");
	assert_string_equal(ask(Q("\"remove\",\"tvqn\":\"two\"")), "{}");
	assert_string_equal(ask(Q("\"remove\",\"tvqn\":\"three\"")),
			    NO("three: no such device", "3"));
	assert_string_equal(done, "remove one.changed.remove two.changed.");
	done[0] = 0;
	assert_string_equal(ask(Q("\"reload\"")), "{\"kept\":0,\"access\":0,\"changed\":0,"
			    "\"added\":7,\"removed\":0}");
	left_out = 2;
	assert_string_equal(ask(Q("\"reload\"")),
			    "{\"ok\":false,\"error\":\"no memory for 2 of the devices\",\"code\":1,"
			    "\"kept\":0,\"access\":0,\"changed\":0,\"added\":7,\"removed\":0}");
	left_out = 0;
	problem = "x.conf:2: mem";
	assert_string_equal(ask(Q("\"reload\"")), NO("x.conf:2: mem; nothing is changed", "2"));
	assert_string_equal(ask(Q("\"add\",\"type\":\"blk\",\"keys\":{}")),
			    NO("x.conf:2: mem", "2"));
	assert_string_equal(done, "reload.reload.reload.make blk.");
}

static void what_is_not(void **state)
{
	static const char * const lines[] = {
		"", " ", "reload", "\"reload\"", "null", "[]", "{}", "{", "1",
		"{\"version\":1}", "{\"command\":\"reload\"}",
		"{\"version\":2,\"command\":\"reload\"}",
		"{\"version\":\"1\",\"command\":\"reload\"}",
		"{\"version\":1.0,\"command\":\"reload\"}",
		"{\"version\":true,\"command\":\"reload\"}",
		"{\"version\":4294967297,\"command\":\"reload\"}",
		Q("\"reload\"") " x", Q("\"reload\"") Q("\"reload\""), Q("\"reload\",}"),
		Q("[\"reload\"]"), Q("\"\""), Q("\"Reload\""), Q("\"rel\\noad\""),
		Q("\"reload\\u0000\""), Q("\"reload\",\"more\":1"),
		Q("\"reload\",\"tvqn\":\"one\""), Q("\"reload\",\"keys\":{}"),
		Q("\"remove\""), Q("\"remove\",\"tvqn\":null"), Q("\"remove\",\"tvqn\":[\"one\"]"),
		Q("\"remove\",\"tvqn\":\"one\",\"type\":\"blk\""),
		Q("\"remove\",\"tvqn\":\"one\\u0000\""),
		Q("\"add\""), Q("\"add\",\"type\":\"blk\""), Q("\"add\",\"keys\":{}"),
		Q("\"add\",\"type\":\"blk\",\"keys\":[]"),
		Q("\"add\",\"type\":\"blk\",\"keys\":{\"tvqn\":1}"),
		Q("\"add\",\"type\":\"blk\",\"keys\":{\"tvqn\":\"\"}"),
		Q("\"add\",\"type\":\"blk\",\"keys\":{\"tvqn\":\"a\\nmem=1\"}"),
		Q("\"add\",\"type\":\"blk\",\"keys\":{\"tvqn\":{\"a\":\"b\"}}"),
		Q("\"add\",\"type\":\"blk\",\"keys\":{\"tvqn\":[[\"a\"]]}"),
		Q("\"add\",\"type\":\"blk\",\"keys\":{\"tvqn\":\"\xff\"}"),
		Q("\"add\",\"type\":\"blk\",\"keys\":{\"tvqn\":null}"),
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *said = ask(lines[i]);

		if (!strstr(said, "\"code\":2}") || *done)
			fail_msg("%s: %s %s", lines[i], said, done);
	}
	/* zeroes, and more behind them */
	json_object_put(ask_bytes(Q("\"reload\"") "\0x", strlen(Q("\"reload\"")) + 2));
	json_object_put(ask_bytes("\0", 1));
	assert_string_equal(done, "");
}

static void too_much(void **state)
{
	static char line[SOCKET_LINE];
	size_t n;

	(void)state;
	/* as deep as a line is long */
	memset(line, '[', sizeof(line) - 1);
	assert_non_null(strstr(ask(line), "\"code\":2"));
	n = sprintf(line, "{\"version\":1,\"command\":\"add\",\"type\":\"blk\","
		    "\"keys\":{\"allow\":[");
	for (unsigned int i = 0; i < 2000; i++)
		n += sprintf(line + n, "%s\"x\"", i ? "," : "");
	sprintf(line + n, "]}}");
	assert_string_equal(ask(line), NO("more than 1024 keys", "2"));
	assert_string_equal(done, "");
}

/* Names come from anywhere; answers are valid, and forge nothing. */
static void names_are_anything(void **state)
{
	static const struct {
		const char *name, *said;
	} names[] = {
		{ "plain:name/1", "plain:name/1" }, { "d\xc3\xa9j\xc3\xa0", "d\xc3\xa9j\xc3\xa0" },
		{ "\xf0\x9f\x90\xa7", "\xf0\x9f\x90\xa7" }, { "\xff", "\\xff" },
		{ "\xc0\xaf", "\\xc0\\xaf" }, { "\xe0\x80\x80", "\\xe0\\x80\\x80" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80" },
		{ "\xe2\x82", "\\xe2\\x82" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		{ "a\"},{", "a\"},{" },
		{ "a\n", "a\\x0a" }, { "\x1b[2J", "\\x1b[2J" }, { "\xc2\x9b", "\\xc2\\x9b" },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct json_object *o = report_text(names[i].name);

		assert_string_equal(json_object_get_string(o), names[i].said);
		json_object_put(o);
		snprintf(inst.ivqn, sizeof(inst.ivqn), "%s", names[i].name);
		json_object_put(ask_bytes(Q("\"status\""), strlen(Q("\"status\""))));
	}
}

/* Whatever there is no memory for: there is no answer then, half of one least of all. */
static void no_memory(void **state)
{
	static const char * const questions[] = {
		Q("\"status\""), Q("\"stats\""), Q("\"status\",\"tvqn\":\"three\""),
		Q("\"remove\",\"tvqn\":\"one\""), Q("\"reload\""), "what?",
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(questions); i++) {
		const char *q = questions[i];
		unsigned int at = 0;
		size_t n;
		char *said;

		do {
			done[0] = 0;
			none_at = ++at;
			said = socket_ops->answer(q, strlen(q), &n);
			if (!none_at && said)
				fail_msg("%s: without memory, the %uth time: %.*s", q, at,
					 (int)n, said);
			/* what could not be answered at all is not done */
			if (at <= 2)
				assert_string_equal(done, "");
		} while (!said);
		/* it was not asked for so often */
		assert_true(none_at);
		assert_true(at > 8);
		none_at = 0;
		free(said);
	}
	for (unsigned int at = 1;; at++) {
		size_t n;
		char *said;

		none_at = at;
		said = socket_ops->refuse("too many", &n);
		if (!said)
			continue;
		assert_true(none_at);
		free(said);
		break;
	}
	none_at = 0;
}

#define MANY	30000U

/* It ends when it is too long, not when all of it has been made. */
static void too_long_an_answer(void **state)
{
	static const char too_long[] =
		NO("the answer is too long: ask for one device", "1");
	static char path[4000];
	struct dev_cfg large = cfgs[1];
	struct dev *more = calloc(MANY, sizeof(*more));
	struct instance *others = calloc(MANY, sizeof(*others));

	(void)state;
	assert_non_null(more);
	assert_non_null(others);
	memset(path, '"', sizeof(path) - 1);
	large.path = path;
	for (unsigned int i = 0; i < MANY; i++) {
		more[i].cfg = &large;
		list_add_tail(&more[i].node, &all_devs);
	}
	n_objects = 0;
	assert_string_equal(ask(Q("\"status\"")), too_long);
	assert_in_range(n_objects, 1000, 2200);
	for (unsigned int i = 0; i < MANY; i++)
		list_del(&more[i].node);
	for (unsigned int i = 0; i < MANY; i++) {
		others[i].dev = &devs[1];
		memset(others[i].ivqn, '"', sizeof(others[i].ivqn) - 1);
		list_init(&others[i].conns);
		list_add_tail(&others[i].node, &all_instances);
	}
	n_objects = 0;
	assert_string_equal(ask(Q("\"status\"")), too_long);
	assert_in_range(n_objects, 1000, MANY - 1);
	assert_non_null(strstr(ask(Q("\"stats\",\"tvqn\":\"two\"")), "\"initiators\":30000"));
	/* of the other device */
	assert_non_null(strstr(ask(Q("\"status\",\"tvqn\":\"one\"")), "\"instance\":4"));
	for (unsigned int i = 0; i < MANY; i++)
		list_del(&others[i].node);
	free(more);
	free(others);
}

/* Bytes turned, taken out and put in: whatever comes of it is answered. */
static void anything(void **state)
{
	static const char * const seeds[] = {
		Q("\"status\",\"tvqn\":\"one\""), Q("\"remove\",\"tvqn\":\"two\""), Q("\"reload\""),
		Q("\"add\",\"type\":\"blk\","
		  "\"keys\":{\"tvqn\":\"x\",\"allow\":[\"p\",\"q\"],\"a\":true}"),
	};
	static const char bytes[] = "{}[]\",:\\u0\x00\xff\xc3 1te";
	struct unit_random random;

	(void)state;
	unit_seed(&random, 1);
	for (unsigned int i = 0; i < 20000; i++) {
		char line[256];
		size_t n = sprintf(line, "%s", seeds[i % 4]);

		for (unsigned int j = unit_random(&random, 4); j < 4; j++) {
			size_t at = unit_random(&random, n);
			char c = bytes[unit_random(&random, (sizeof(bytes)) - 1)];

			switch (unit_random(&random, 3)) {
			case 0:
				line[at] = c;
				break;
			case 1:
				memmove(line + at, line + at + 1, --n - at);
				break;
			default:
				memmove(line + at + 1, line + at, n++ - at);
				line[at] = c;
			}
		}
		done[0] = 0;
		json_object_put(ask_bytes(line, n));
	}
}

int main(void)
{
#define TEST(fn)	cmocka_unit_test_setup(fn, set_up)
	const struct CMUnitTest tests[] = {
		TEST(status_and_stats),
		TEST(what_is_done),
		TEST(what_is_not),
		TEST(too_much),
		TEST(names_are_anything),
		TEST(no_memory),
		TEST(too_long_an_answer),
		TEST(anything),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
