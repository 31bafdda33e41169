// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/cmdline.c tools/vofctl/conf.c tools/vofctl/spec.c */
/* link: tools/vofctl/say.c tools/vofctl/file.c tools/target/ini.c */
/* libs: -linih */
/* What a host boots from: the kernel's command line, word by word. */
#include <unistd.h>

#include "unit.h"
#include "cmdline.h"

static char path[64];

static int begin(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/vof-cmdline-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int end(void **state)
{
	(void)state;
	return unlink(path);
}

static struct conf line(const char *text)
{
	struct conf c;
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	cmdline_read(&c, path);
	return c;
}

static void is(const struct conf *c, int i, enum spec_attr a, const char *value)
{
	assert_in_range(i, 0, c->ndevices - 1);
	if (value)
		assert_string_equal(c->devices[i]->spec.value[a], value);
	else
		assert_null(c->devices[i]->spec.value[a]);
}

static void understood(void **state)
{
	struct conf c;

	(void)state;
	c = line("BOOT_IMAGE=/vmlinuz root=/dev/disk/by-id/virtio-x ro quiet rd.vof.rxe=eth0 "
		 "rd.vof.connect=tcp,192.0.2.1,,,com.example/disk0:a,b,,c\t"
		 "rd.vof.connect=rdma,fd00::1,fd00::2%eth0,8550,disk1 rd.vof.rxe=eth1 "
		 "\"rd.vof.connect=tcp,192.0.2.1 192.0.2.2,,,a b\" ip=dhcp\n");
	conf_complain(&c);
	assert_int_equal(c.nerrors, 0);
	assert_int_equal(c.nrxe, 2);
	assert_string_equal(c.rxe[0], "eth0");
	assert_string_equal(c.rxe[1], "eth1");
	assert_int_equal(c.ndevices, 3);
	is(&c, 0, SPEC_TRANSPORT, "tcp");
	is(&c, 0, SPEC_TRADDR, "192.0.2.1");
	is(&c, 0, SPEC_HOST_TRADDR, NULL);
	is(&c, 0, SPEC_TRSVCID, NULL);
	is(&c, 0, SPEC_TVQN, "com.example/disk0:a,b,,c");
	is(&c, 1, SPEC_TRANSPORT, "rdma");
	is(&c, 1, SPEC_TRADDR, "fd00::1");
	is(&c, 1, SPEC_HOST_TRADDR, "fd00::2%eth0");
	is(&c, 1, SPEC_TRSVCID, "8550");
	is(&c, 1, SPEC_TVQN, "disk1");
	is(&c, 2, SPEC_TRADDR, "192.0.2.1 192.0.2.2");
	is(&c, 2, SPEC_TVQN, "a b");
	for (int i = 0; i < c.ndevices; i++) {
		is(&c, i, SPEC_CTRL_LOSS_TMO, "-1");
		assert_true(c.devices[i]->automatic);
		assert_true(c.devices[i]->keep);
	}
	assert_string_equal(c.devices[1]->spec.name, "disk1");
	conf_free(&c);
}

/* Two that are called the same there are not here. */
static void names(void **state)
{
	struct conf c;

	(void)state;
	c = line("rd.vof.connect=tcp,192.0.2.1,,,one/disk0 "
		 "rd.vof.connect=tcp,192.0.2.2,,,two/disk0 "
		 "rd.vof.connect=tcp,192.0.2.3,,,disk0");
	assert_int_equal(c.nerrors, 0);
	assert_int_equal(c.ndevices, 3);
	assert_string_equal(c.devices[0]->spec.name, "disk0");
	assert_string_equal(c.devices[1]->spec.name, "disk0-2");
	assert_string_equal(c.devices[2]->spec.name, "disk0-3");
	conf_free(&c);
}

/* Each of these is one mistake, which is told, and hurts no other. */
static void mistakes(void **state)
{
	static const char *const bad[][2] = {
		{ "rd.vof.connect=", "not TRANSPORT,ADDR,[HOST],[PORT],TVQN" },
		{ "rd.vof.connect=tcp,192.0.2.1,x", "not TRANSPORT,ADDR,[HOST],[PORT],TVQN" },
		{ "rd.vof.connect=tcp,192.0.2.1,,", "not TRANSPORT,ADDR,[HOST],[PORT],TVQN" },
		{ "rd.vof.connect=tcp,192.0.2.1,,,", "tvqn is missing" },
		{ "rd.vof.connect=tcp,,,,x", "traddr is missing" },
		{ "rd.vof.connect=,192.0.2.1,,,x", "transport is missing" },
		{ "rd.vof.connect=t/p,192.0.2.1,,,x",
		  "transport: letters, digits and '_' only" },
		{ "rd.vof.connect=tcp,192.0.2.256,,,x",
		  "traddr: '192.0.2.256' is no address" },
		{ "rd.vof.connect=tcp,192.0.2.1,,0,x",
		  "trsvcid: '0' is no number from 1 to 65535" },
		{ "rd.vof.rxe=", "'' is no name of an interface" },
		{ "rd.vof.rxe=a/b", "'a/b' is no name of an interface" },
		{ "rd.vof.rxe=eth0", "eth0 is there already" },
	};
	char text[256], said[256];
	struct conf c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "rd.vof.rxe=eth0 %s "
			 "rd.vof.connect=tcp,fe80::1%%eth0,,,good",
			 bad[i][0]);
		snprintf(said, sizeof(said), "%s: %s", bad[i][0], bad[i][1]);
		c = line(text);
		assert_int_equal(c.nerrors, 1);
		assert_string_equal(c.errors[0], said);
		assert_int_equal(c.ndevices, 1);
		assert_int_equal(c.nrxe, 1);
		assert_string_equal(c.devices[0]->spec.name, "good");
		conf_free(&c);
	}
}

/* Nobody would resolve them. */
static void no_names(void **state)
{
	static const char *const bad[][2] = {
		{ "rd.vof.connect=tcp,target.example,,,x",
		  "traddr: 'target.example' is no address in digits: no names in an initramfs" },
		{ "rd.vof.connect=tcp,192.0.2.1 h,,,x",
		  "traddr: 'h' is no address in digits: no names in an initramfs" },
		{ "rd.vof.connect=tcp,192.0.2.1,here,,x",
		  "host_traddr: 'here' is no address in digits: no names in an initramfs" },
	};
	char text[256], said[256];
	struct conf c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "\"%s\"", bad[i][0]);
		snprintf(said, sizeof(said), "%s: %s", bad[i][0], bad[i][1]);
		c = line(text);
		assert_int_equal(c.ndevices, 0);
		assert_int_equal(c.nerrors, 1);
		assert_string_equal(c.errors[0], said);
		conf_free(&c);
	}
}

static void ends(void **state)
{
	struct conf c;

	(void)state;
	c = line("quiet -- rd.vof.connect=tcp,192.0.2.1,,,x rd.vof.rxe=eth0\n");
	assert_int_equal(c.ndevices + c.nrxe + c.nerrors, 0);
	conf_free(&c);
	c = line("");
	assert_int_equal(c.ndevices + c.nrxe + c.nerrors, 0);
	conf_free(&c);
	c = line("xrd.vof.connect=tcp,192.0.2.1,,,x \"a rd.vof.rxe=eth0");
	assert_int_equal(c.ndevices + c.nrxe + c.nerrors, 0);
	conf_free(&c);
	cmdline_read(&c, "/nowhere/cmdline");
	assert_int_equal(c.nerrors, 1);
	assert_string_equal(c.errors[0], "/nowhere/cmdline: No such file or directory");
	conf_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(understood, begin, end),
		cmocka_unit_test_setup_teardown(names, begin, end),
		cmocka_unit_test_setup_teardown(mistakes, begin, end),
		cmocka_unit_test_setup_teardown(no_names, begin, end),
		cmocka_unit_test_setup_teardown(ends, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
