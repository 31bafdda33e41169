// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/options.c tools/target/keys.c tools/target/url.c tools/target/parse.c */
/* link: tools/target/ini.c tools/target/config.c tools/target/psk.c tools/target/types.c */
/* link: tools/target/blk_keys.c tools/target/rng_keys.c tools/target/added.c */
/* libs: -linih */
/*
 * The target's configuration: files in their order, and what is wrong in one of them, which
 * is named with its file and its line, whatever it is.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"
#include "../../target/added.h"
#include "../../target/config.h"
#include "../../target/dev.h"
#include "../../target/log.h"
#include "../../target/options.h"
#include "../../target/serial.h"
#include "../../target/transports.h"

const struct dev_ops blk_ops, rng_ops;
int log_verbose;

/* What was said, a line each. */
static char said_all[4096];

void log_err(const char *fmt, ...)
{
	size_t n = strlen(said_all);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said_all + n, sizeof(said_all) - n, fmt, ap);
	va_end(ap);
	strncat(said_all, "\n", sizeof(said_all) - strlen(said_all) - 1);
	/* where options_parse() ends all of it, this is what there is to see */
	fprintf(stderr, "# %s\n", said_all + n);
}

void log_warn(const char *fmt, ...)
{
	(void)fmt;
}

const char *transports_scheme(const char *url)
{
	return !strncmp(url, "tcp://", 6) ? "tcp" : !strncmp(url, "tls://", 6) ? "tls" : NULL;
}

bool transports_prove(const char *scheme)
{
	return !strcmp(scheme, "tls");
}

bool serial_derive(char serial[SERIAL_MAX + 1], const char *tvqn, const char *path)
{
	(void)tvqn;
	(void)path;
	return snprintf(serial, SERIAL_MAX + 1, "made") > 0;
}

static char dir[64], file[128];

static void write_to(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void remove_file(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

#define GOOD	"[listen]\nurl = tcp://192.0.2.1\n[blk a]\nmem = 1M\n"

static int set_up(void **state)
{
	/* looked at again for each reload */
	static char *args[4];
	char sub[256];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_config.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/t.conf", dir);
	snprintf(sub, sizeof(sub), "%s.d", file);
	if (mkdir(sub, 0700))
		return -1;
	write_to("t.conf", GOOD);
	args[0] = (char *)"test";
	args[1] = (char *)"--config";
	args[2] = file;
	return options_parse(3, args);
}

static int tear_down(void **state)
{
	char sub[256];

	(void)state;
	config_drop(&config);
	remove_file("t.conf");
	snprintf(sub, sizeof(sub), "%s.d", file);
	return rmdir(sub) || rmdir(dir);
}

/* What is wrong, without the directory; NULL: nothing. */
static const char *problem(void)
{
	static char buf[1024];
	struct config c;
	const char *said = options_again(&c);
	char *at;

	if (!said) {
		config_drop(&c);
		return NULL;
	}
	snprintf(buf, sizeof(buf), "%s", said);
	while ((at = strstr(buf, dir)))
		memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir)));
	return buf;
}

static const char *names(const struct config *c)
{
	static char buf[256];
	struct list *pos;
	size_t n = 0;

	buf[0] = 0;
	list_for_each(pos, &c->devs)
		n += snprintf(buf + n, sizeof(buf) - n, "%s ",
			      list_entry(pos, struct dev_cfg, node)->tvqn);
	return buf;
}

/* ---- tests -------------------------------------------------------------------- */

static void files_in_their_order(void **state)
{
	struct config c;

	(void)state;
	write_to("t.conf.d/20.conf", "[blk c]\nmem=1M\n[target]\nmax-looks = 010\n");
	write_to("t.conf.d/10.conf", "[blk b]\nmem=1M\n[target]\nmax-looks = 5\nkeepalive=3\n");
	write_to("t.conf.d/a.conf~", "nonsense");
	write_to("t.conf.d/.b.conf", "nonsense");
	assert_null(options_again(&c));
	assert_string_equal(names(&c), "a b c ");
	/* the last one says it, and zeroes in front make it no other number */
	assert_int_equal(c.max_looks, 10);
	assert_int_equal(c.keepalive, 3);
	assert_string_equal(list_first(&c.devs, struct dev_cfg, node)->where + strlen(dir) + 1,
			    "t.conf:3: ");
	config_drop(&c);
	/* a section goes on in no other file */
	write_to("t.conf.d/20.conf", "mem=1M\n");
	assert_string_equal(problem(), "t.conf.d/20.conf:1: mem belongs to no section");
	remove_file("t.conf.d/20.conf");
	/* one name, two places */
	write_to("t.conf.d/10.conf", "\n[blk a]\nmem=1M\n");
	assert_string_equal(problem(),
			    "t.conf.d/10.conf:2: a is given twice, first at t.conf:3");
	remove_file("t.conf.d/10.conf");
	remove_file("t.conf.d/a.conf~");
	remove_file("t.conf.d/.b.conf");
	assert_null(problem());
}

/* Each as a drop-in, whose last line is to be blamed. */
static void every_wrong_value_has_a_line(void **state)
{
	static const struct {
		const char *text, *said;
	} wrongs[] = {
		{ "[target]\nmax-memory = 1X\n", "max-memory: \"1X\" is not a size" },
		{ "[target]\nmax-connections = 0\n", "is not between 1 and 1000000" },
		{ "[target]\nmax-share = 101\n", "is not between 1 and 100" },
		{ "[target]\nkeepalive = -1\n", "is not a size" },
		{ "[target]\nconnect-timeout = x\n", "is not a size" },
		{ "[target]\nfile-wait = 1000000\n", "is not between" },
		{ "[target]\nmax-looks =\n", "is not a size" },
		{ "[target]\nuser = no-such-user-here\n", "no such user" },
		{ "[target]\nmem = 1M\n", "[target] does not know mem" },
		{ "[listen]\nurl = http://x\n", "an address is rdma://" },
		{ "[listen]\nurl = tcp://192.0.2.1:99999\n", "a port is 1 to 65535" },
		{ "[listen]\nurl = tcp://[::1\n", "']' is missing" },
		{ "[listen]\nurl = tcp://192.0.2.300\n", "192.0.2.300 is not an address" },
		{ "[listen]\nurl = tcp://[2001:db8::g]\n", "2001:db8::g is not an address" },
		{ "[listen]\nurl = tls://192.0.2.1\n", "devices with keys" },
		{ "[listen]\nport = 1\n", "knows url only" },
		{ "[blk b\n", "']' is missing" },
		{ "[disk b]\n", "no such section" },
		{ "[blk b]\n", "give one of file=, mem=, null=" },
		{ "[blk b]\nmem = 0x\n", "is not a size" },
		{ "[blk b]\nmem = 1\n", "not even one sector" },
		{ "[blk b]\nmem=1M\nfile = /x\n", "give one of" },
		{ "[blk b]\nmem=1M\nreadonly = maybe\n", "neither on nor off" },
		{ "[blk b]\nmem=1M\nwriteback = 2\n", "neither on nor off" },
		{ "[blk b]\nmem=1M\nserial = 123456789012345678901\n", "longer than 20 bytes" },
		{ "[blk b]\nmem=1M\nblock-size = 1000\n", "powers of two" },
		{ "[blk b]\nmem=1M\ndiscard = on\n", "neither off nor unmap" },
		{ "[blk b]\nmem=1M\nqueues = 0\n", "is not between" },
		{ "[blk b]\nmem=1M\nqueue-size = 3\n", "not a power of two" },
		{ "[blk b]\nmem=1M\neager = 2G\n", "is not between" },
		{ "[blk b]\nmem=1M\neager-bufs = 65\n", "is not between" },
		{ "[blk b]\nmem=1M\nnum-descs = 256\n", "is not between" },
		{ "[blk b]\nmem=1M\nstaging = 1K\n", "is not between" },
		{ "[blk b]\nmem=1M\nallow =\n", "allow is empty" },
		{ "[blk b]\nmem=1M\npsk = /no/such/file\n", "No such file" },
		{ "[blk b]\nmem=1M\npsk-command = echo x\n", "psk-command=echo x: " },
		{ "[blk b]\nmem=1M\npsk-command = echo h 000102030405060708090a0b0c0d0e0f\n",
		  "no address tls://" },
		{ "[blk b]\nmem=1M\ndelay = x\n", "is not a size" },
		{ "[blk b]\nmem=1M\nsize = 1\n", "no such option of a blk device" },
		{ "[rng b]\nqueues = 2\n", "is not between" },
		{ "[rng b]\nmem = 1M\n", "no such option of a rng device" },
		{ "[blk b]\nmem=1M\nreadonly yes\n", "neither a section nor key = value" },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wrongs); i++) {
		const char *said;
		char where[64];
		int line = 0;

		for (const char *s = wrongs[i].text; *s; s++)
			line += *s == '\n';
		write_to("t.conf.d/x.conf", wrongs[i].text);
		snprintf(where, sizeof(where), "t.conf.d/x.conf:%d: ", line);
		said = problem();
		if (!said || strncmp(said, where, strlen(where)) ||
		    !strstr(said, wrongs[i].said))
			fail_msg("%s: %s, not %s%s", wrongs[i].text, said, where,
				 wrongs[i].said);
	}
	remove_file("t.conf.d/x.conf");
	assert_null(problem());
}

/* With --tolerant what is right is served; a device is not, if anything of it is wrong. */
static void what_is_wrong_is_left_out(void **state)
{
	static const struct {
		const char *text, *served;
		int looks;
	} files[] = {
		{ "[blk b]\nmem=1M\nallow=\n[blk c]\nmem=1M\n", "a c ", 32 },
		{ "[blk b]\nallow x\nmem=1M\n[blk c]\nmem=1M\n", "a c ", 32 },
		{ "[blk b]\nmem=1M\nallow x\n", "a ", 32 },
		{ "[blk b]\nmem=1M\nreadonly\n", "a b ", 32 },
		{ "[blk b]\nmem=1M\nno=such\n[blk b]\nmem=1M\n", "a b ", 32 },
		{ "[blk a]\nmem=2M\n[blk c]\nmem=1M\n", "a c ", 32 },
		{ "[blk b]\n[blk c]\nmem=1M\n", "a c ", 32 },
		{ "[disk b]\nmem=1M\n[blk c]\nmem=1M\n", "a c ", 32 },
		{ "[blk b\nmem=1M\n[blk c]\nmem=1M\n", "a c ", 32 },
		{ "[blk ]\nmem=1M\n[blk c]\nmem=1M\n", "a c ", 32 },
		{ "nonsense\n[blk c]\nmem=1M\n", "a c ", 32 },
		{ "mem=1M\n[blk c]\nmem=1M\n", "a c ", 32 },
		{ "[target]\nmax-looks=x\nkeepalive=3\n[blk c]\nmem=1M\n", "a c ", 32 },
		{ "[target]\nmax-looks=5\nkeepalive 3\n[blk c]\nmem=1M\n", "a c ", 5 },
		{ "[listen]\nurl=http://x\n[blk c]\nmem=1M\n", "a c ", 32 },
		{ "[listen]\nurl=tcp://[fe80::1%no-such-dev]\n[blk c]\nmem=1M\nx=\n", "a ", 32 },
		{ "[listen]\nurl=tcp://[::1]\nurl=tcp://1.2.3.4.5\n[blk c]\nmem=1M\n", "a c ", 32 },
		{ "[listen]\nurl=tls://192.0.2.1\n[blk c]\nmem=1M\n", "a c ", 32 },
		{ "[blk b]\nmem=1M\npsk=/no/such\n[blk c]\nmem=1M\n", "a c ", 32 },
	};
	static char *args[5];

	(void)state;
	args[0] = (char *)"test";
	args[1] = (char *)"--config";
	args[2] = file;
	args[3] = (char *)"--tolerant";
	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
		write_to("t.conf.d/x.conf", files[i].text);
		said_all[0] = 0;
		config_drop(&config);
		assert_false(options_parse(4, args));
		if (strcmp(names(&config), files[i].served) ||
		    (int)config.max_looks != files[i].looks ||
		    !strstr(said_all, "/t.conf.d/x.conf:") == !strstr(files[i].text, "readonly"))
			fail_msg("%s: %s, %s", files[i].text, names(&config), said_all);
		/* a reload of that is none, all the same */
		assert_int_equal(!!problem(), !strstr(files[i].text, "readonly"));
	}
	remove_file("t.conf.d/x.conf");
	/* for those that follow */
	config_drop(&config);
	assert_false(options_parse(3, args));
}

static void what_is_missing(void **state)
{
	(void)state;
	write_to("t.conf", "[blk a]\nmem=1M\n");
	assert_string_equal(problem(), "t.conf: nowhere to listen: give --listen (see --help)");
	write_to("t.conf", "[listen]\nurl=tcp://192.0.2.1\n");
	assert_string_equal(problem(),
			    "t.conf: nothing to serve: give --blk or --rng (see --help)");
	/* something may come by the control socket */
	write_to("t.conf", "[target]\ncontrol = /run/x\n[listen]\nurl=tcp://192.0.2.1\n");
	assert_null(problem());
	write_to("t.conf", "[target]\ncontrol = /run/x\n[listen]\nurl=tls://192.0.2.1\n");
	assert_null(problem());
	write_to("t.conf", "[target]\ncontrol =\n[listen]\nurl=tls://192.0.2.1\n");
	assert_non_null(strstr(problem(), "devices with keys"));
	remove_file("t.conf");
	assert_string_equal(problem(), "t.conf: No such file or directory");
	write_to("t.conf", GOOD);
}

static const char *added(struct config *c, const char *type, const char *key,
			 const char *value)
{
	struct added_key keys[] = { { "tvqn", "x" }, { key, value } };

	return added_device(c, type, keys, 2);
}

static void one_device_more(void **state)
{
	struct config c;

	(void)state;
	assert_null(added(&c, "blk", "mem", "1M"));
	assert_string_equal(names(&c), "x ");
	assert_true(list_first(&c.devs, struct dev_cfg, node)->added);
	config_drop(&c);
	assert_string_equal(added(&c, "blk", "mem", "1X"), "mem: \"1X\" is not a size");
	assert_string_equal(added(&c, "blk", "mem", NULL),
			    "mem: no such option of a blk device, or its value is missing");
	assert_string_equal(added(&c, "blk", "queues", "1"),
			    "x: give one of file=, mem=, null=");
	assert_string_equal(added(&c, "disk", "mem", "1M"), "no such type of device: disk");
	assert_string_equal(added_device(&c, "rng", NULL, 0), "a device has no tvqn=");
	assert_non_null(strstr(added(&c, "rng", "psk-command",
				     "echo h 000102030405060708090a0b0c0d0e0f"),
			       "address tls://"));
}

/* A command of the unit, with our file and without its program; @s is taken apart. */
static void as_the_unit_says(char *s)
{
	/* looked at again by problem() */
	static char *args[16];
	int n = 0;

	for (char *word = strtok(s, " \t\\\n"); word; word = strtok(NULL, " \t\\\n")) {
		assert_in_range(n, 0, 14);
		args[n] = n && !strcmp(args[n - 1], "--config") ? file : word;
		n++;
	}
	args[n] = NULL;
	write_to("t.conf", GOOD);
	config_drop(&config);
	options_parse(n, args);
	/* the last device has gone: one may come by the socket, and a reload is one */
	write_to("t.conf", "[listen]\nurl = tcp://192.0.2.1\n");
	assert_null(problem());
	/* who asks whether all is right hears what the one that runs would */
	write_to("t.conf", "[blk a]\nmem = 1M\n");
	assert_non_null(problem());
	write_to("t.conf", GOOD);
}

/* What checks the files before a start and a reload knows what the target is told. */
static void the_unit(void **state)
{
	static char text[8192], kept[8192], name[512];
	const char *slash = strrchr(__FILE__, '/');
	unsigned int n = 0;
	char *s = text;
	FILE *f;

	(void)state;
	snprintf(name, sizeof(name), "%.*s../../target/virtio-of-target.service",
		 (int)(slash + 1 - __FILE__), __FILE__);
	f = fopen(name, "r");
	assert_non_null(f);
	assert_in_range(fread(text, 1, sizeof(text) - 1, f), 1, sizeof(text) - 2);
	fclose(f);
	while ((s = strstr(s, "@SBINDIR@/virtio-of-target "))) {
		char *end = s;

		/* a line that ends so goes on */
		do
			end = strchr(end + 1, '\n');
		while (end[-1] == '\\');
		snprintf(kept, sizeof(kept), "%.*s", (int)(end - s), s);
		as_the_unit_says(kept);
		s = end;
		n++;
	}
	assert_int_equal(n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_in_their_order),
		cmocka_unit_test(every_wrong_value_has_a_line),
		cmocka_unit_test(what_is_wrong_is_left_out),
		cmocka_unit_test(what_is_missing),
		cmocka_unit_test(one_device_more),
		/* the last one: --check stays */
		cmocka_unit_test(the_unit),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
