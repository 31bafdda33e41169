// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/conf.c tools/vofctl/spec.c tools/vofctl/say.c tools/target/ini.c */
/* libs: -linih */
/* The initiator's configuration: what is understood, and which line is not. */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"
#include "conf.h"

static char top[64], path[128];

static void put(const char *name, const char *text)
{
	char file[256];
	FILE *f;

	snprintf(file, sizeof(file), "%s/%s", top, name);
	f = fopen(file, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(file, 0644), 0);
}

static int begin(void **state)
{
	char dir[160];

	(void)state;
	snprintf(top, sizeof(top), "/tmp/vof-conf-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(path, sizeof(path), "%s/c", top);
	snprintf(dir, sizeof(dir), "%s.d", path);
	return mkdir(dir, 0755);
}

static int end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

/* What an error says behind the directory of this test. */
static void says(const struct conf *c, int i, const char *text)
{
	assert_in_range(i, 0, c->nerrors - 1);
	assert_true(!strncmp(c->errors[i], top, strlen(top)));
	assert_string_equal(c->errors[i] + strlen(top) + 1, text);
}

static const char *value(const struct conf *c, const char *name, enum spec_attr a)
{
	struct conf_device *dev = conf_find(c, name);

	assert_non_null(dev);
	return dev->spec.value[a];
}

static void understood(void **state)
{
	struct conf c;

	(void)state;
	put("c", "; of this host\n[global]\nrxe = eth0\nrxe = enp1s0\n\n"
		 "[device disk0]\ntransport = tcp\n"
		 "traddr = 192.0.2.1  fe80::1%eth0 target.example\n"
		 "tvqn = com.example/disk0:a,b\nctrl_loss_tmo = -1 ; for ever\n"
		 "tls = yes\n");
	put("c.d/20.conf", "[device a.b-c_d:2]\n  transport = rdma\n  traddr = fd00::1\n"
			   "  tvqn = x\n  auto = no\n");
	put("c.d/10.conf", "[device disk1]\ntvqn = y\ntraddr = h\ntransport = tcp\nkeep = yes\n");
	put("c.d/30.conf.dpkg-old", "nonsense\n");
	put("c.d/.40.conf", "nonsense\n");
	conf_read(&c, path);
	assert_int_equal(c.nerrors, 0);
	assert_false(conf_complain(&c));
	assert_int_equal(c.nfiles, 3);
	assert_int_equal(c.nrxe, 2);
	assert_string_equal(c.rxe[0], "eth0");
	assert_string_equal(c.rxe[1], "enp1s0");
	assert_int_equal(c.ndevices, 3);
	/* in the order of files, and of their names */
	assert_string_equal(c.devices[0]->spec.name, "disk0");
	assert_string_equal(c.devices[1]->spec.name, "disk1");
	assert_string_equal(c.devices[2]->spec.name, "a.b-c_d:2");
	assert_string_equal(value(&c, "disk0", SPEC_TVQN), "com.example/disk0:a,b");
	assert_string_equal(value(&c, "disk0", SPEC_CTRL_LOSS_TMO), "-1");
	assert_string_equal(value(&c, "disk0", SPEC_TLS), "1");
	assert_null(value(&c, "disk0", SPEC_IO_TMO));
	assert_true(conf_find(&c, "disk0")->automatic);
	assert_false(conf_find(&c, "a.b-c_d:2")->automatic);
	assert_false(conf_find(&c, "disk0")->keep);
	assert_true(conf_find(&c, "disk1")->keep);
	assert_null(conf_find(&c, "disk2"));
	conf_free(&c);
}

/* The same words as for any other key. */
static void automatic(void **state)
{
	static const struct {
		const char *word;
		bool yes;
	} words[] = {
		{ "yes", true }, { "y", true }, { "On", true }, { "true", true }, { "1", true },
		{ "no", false }, { "n", false }, { "off", false }, { "False", false },
		{ "0", false },
	};
	char text[128];
	struct conf c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		snprintf(text, sizeof(text), "[device d]\ntransport = tcp\ntraddr = ::1\n"
			 "tvqn = x\nauto = %s\n", words[i].word);
		put("c", text);
		conf_read(&c, path);
		assert_int_equal(c.nerrors, 0);
		assert_int_equal(conf_find(&c, "d")->automatic, words[i].yes);
		conf_free(&c);
	}
}

static void nothing(void **state)
{
	struct conf c;

	(void)state;
	conf_read(&c, path);
	assert_int_equal(c.nfiles + c.ndevices + c.nerrors, 0);
	conf_free(&c);
}

/* Each of these has one line that is wrong, and it is told. */
static void lines(void **state)
{
	static const struct {
		const char *line, *said;
	} bad[] = {
		{ "nonsense = 1", "there is no key 'nonsense'" },
		{ "enable = 1", "enable is an order, not a setting" },
		{ "psk = 0123", "keys stand in the kernel's keyring, not here: see tls_psk" },
		{ "tvqn = again", "tvqn is there already, at %s/c:4" },
		{ "auto = maybe", "auto: yes or no, not 'maybe'" },
		{ "keep = 2", "keep: yes or no, not '2'" },
		{ "keep = no\nkeep = yes", NULL },
		{ "io_tmo = 0", NULL },
		{ "io_tmo = 86401", "io_tmo: '86401' is no number from -1 to 86400" },
		{ "queue_size = 100", "queue_size: 100 is no power of two" },
		{ "trsvcid = 0", "trsvcid: '0' is no number from 1 to 65535" },
		{ "trsvcid = 8549x", "trsvcid: '8549x' is no number from 1 to 65535" },
		{ "ctrl_loss_tmo", "neither a section nor key = value" },
		{ "[device d", "']' is missing" },
	};
	char text[256], said[256];
	struct conf c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text),
			 "[device d]\ntransport = tcp\ntraddr = 192.0.2.1\ntvqn = x\n%s\n",
			 bad[i].line);
		put("c", text);
		conf_read(&c, path);
		assert_int_equal(c.nerrors, 1);
		assert_true(conf_find(&c, "d")->wrong);
		if (bad[i].said) {
			int n = snprintf(said, sizeof(said), "c:5: ");

			snprintf(said + n, sizeof(said) - n, bad[i].said, top);
			says(&c, 0, said);
		}
		conf_free(&c);
	}
}

/* All errors are told, and those that have none are there. */
static void several(void **state)
{
	char said[256];
	struct conf c;

	(void)state;
	put("c", "stray = 1\n[global]\nrxe = a/b\nrxe = eth0\nrxe = eth0\nsxe = eth0\n"
		 "[device one]\ntransport = tcp\ntraddr = ::1\ntvqn = 1\n"
		 "[device two]\ntransport = tcp\ntvqn = 2\n"
		 "[devices]\ntransport = tcp\n"
		 "[device thr/ee]\ntvqn = 3\n"
		 "[device four@]\ntvqn = 4\n");
	put("c.d/a.conf", "[device one]\ntvqn = other\n[global]\nrxe = eth1\n"
			  "[device five]\ntransport = tcp\ntraddr = ::1\ntvqn = 5\n");
	conf_read(&c, path);
	assert_int_equal(c.nerrors, 10);
	assert_true(conf_complain(&c));
	says(&c, 0, "c:1: 'stray' is in no section");
	says(&c, 1, "c:3: rxe: 'a/b' is no name of an interface");
	says(&c, 2, "c:5: rxe: eth0 is there already");
	says(&c, 3, "c:6: there is no key 'sxe' in [global], but rxe");
	says(&c, 4, "c:14: there is no section [devices], but [global] and [device NAME]");
	says(&c, 5, "c:16: 'thr/ee' is no name of a device");
	says(&c, 6, "c:18: 'four@': a name has letters, digits and :_.- only");
	snprintf(said, sizeof(said), "c.d/a.conf:1: [device one] is there already, at %s/c:7",
		 top);
	says(&c, 7, said);
	snprintf(said, sizeof(said), "c.d/a.conf:3: [global] is there already, at %s/c:2", top);
	says(&c, 8, said);
	says(&c, 9, "c:11: [device two]: traddr is missing");
	assert_int_equal(c.ndevices, 3);
	assert_false(conf_find(&c, "one")->wrong);
	assert_string_equal(value(&c, "one", SPEC_TVQN), "1");
	assert_true(conf_find(&c, "two")->wrong);
	assert_false(conf_find(&c, "five")->wrong);
	assert_int_equal(c.nrxe, 1);
	conf_free(&c);
}

#define GOOD	"transport = tcp\ntraddr = ::1\ntvqn = x\n"

/* A line that is no line: of its section, and of what follows, nothing is used. */
static void garbled(void **state)
{
	struct conf c;

	(void)state;
	put("c", "[device one]\n" GOOD "[device two]\n" GOOD "fast_io_fail_tmo 5\n"
		 "[device three]\n" GOOD);
	put("c.d/a.conf", "[device four]\n" GOOD);
	conf_read(&c, path);
	assert_int_equal(c.nerrors, 1);
	says(&c, 0, "c:9: neither a section nor key = value");
	assert_false(conf_find(&c, "one")->wrong);
	assert_true(conf_find(&c, "two")->wrong);
	assert_true(conf_find(&c, "three")->wrong);
	assert_false(conf_find(&c, "four")->wrong);
	conf_free(&c);
}

static void not_trusted(void **state)
{
	char file[160];
	struct conf c;

	(void)state;
	put("c", "[device one]\n" GOOD);
	assert_int_equal(chmod(path, 0664), 0);
	put("c.d/a.conf", "[device two]\n" GOOD);
	conf_read(&c, path);
	assert_int_equal(c.nerrors, 1);
	says(&c, 0, "c: others can write to it: chmod go-w");
	assert_null(conf_find(&c, "one"));
	assert_non_null(conf_find(&c, "two"));
	conf_free(&c);

	/* who can write to the directory can replace what is in it */
	assert_int_equal(chmod(path, 0600), 0);
	snprintf(file, sizeof(file), "%s.d", path);
	assert_int_equal(chmod(file, 0777), 0);
	conf_read(&c, path);
	assert_int_equal(c.nerrors, 1);
	says(&c, 0, "c.d: others can write to it: chmod go-w");
	assert_non_null(conf_find(&c, "one"));
	assert_null(conf_find(&c, "two"));
	conf_free(&c);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	conf_read(&c, path);
	says(&c, 0, "c: not a file");
	conf_free(&c);
	rmdir(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(understood, begin, end),
		cmocka_unit_test_setup_teardown(automatic, begin, end),
		cmocka_unit_test_setup_teardown(nothing, begin, end),
		cmocka_unit_test_setup_teardown(lines, begin, end),
		cmocka_unit_test_setup_teardown(several, begin, end),
		cmocka_unit_test_setup_teardown(garbled, begin, end),
		cmocka_unit_test_setup_teardown(not_trusted, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
