// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/psk.c */
/*
 * Pre-shared keys: from a file that is nobody else's, or from a command; every line that
 * is wrong is refused without a word of a key; an identity names two names, and no others.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../target/psk.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define KEY1	"000102030405060708090a0b0c0d0e0f"
#define KEY2	"F0f1f2f3f4f5f6f7f8f9fafbfcfdfeffF0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

static char path[64] = "/tmp/test_psk_XXXXXX", why[256];

static void write_file(const char *text, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static struct psk_keys *from(const char *text)
{
	write_file(text, strlen(text), 0600);
	*why = 0;
	return psk_read_file(path, why, sizeof(why));
}

static void keys_of_a_file(void **state)
{
	struct psk_keys *keys = from("# of this site\n\nhost1 " KEY1 "\r\n"
				     "\t host:2/x \t" KEY2 "  ");
	const uint8_t *key = NULL;

	(void)state;
	assert_non_null(keys);
	assert_int_equal(psk_find(keys, "host1", &key), 16);
	for (int i = 0; i < 16; i++)
		assert_int_equal(key[i], i);
	assert_int_equal(psk_find(keys, "host:2/x", &key), 32);
	assert_int_equal(key[0], 0xf0);
	assert_int_equal(key[31], 0xff);
	assert_int_equal(psk_find(keys, "host", &key), 0);
	assert_int_equal(psk_find(keys, "", &key), 0);
	assert_int_equal(psk_find(NULL, "host1", &key), 0);
	psk_free(keys);
	psk_free(NULL);
}

/* At the start the reader is root, at a reload the user: one file has to serve both. */
static void whose_file(void **state)
{
	const struct passwd *nobody = getpwnam("nobody");
	struct psk_keys *keys;

	(void)state;
	keys = from("host1 " KEY1);
	assert_true(psk_trusted(keys, NULL));
	assert_true(psk_trusted(keys, "nobody"));
	psk_free(keys);
	if (geteuid() || !nobody)
		return;
	assert_int_equal(chown(path, nobody->pw_uid, 0), 0);
	keys = psk_read_file(path, why, sizeof(why));
	assert_non_null(keys);
	assert_false(psk_trusted(keys, NULL));
	assert_false(psk_trusted(keys, "root"));
	assert_false(psk_trusted(keys, "no-such-user"));
	assert_true(psk_trusted(keys, "nobody"));
	psk_free(keys);
	/* and the reload, as nobody */
	assert_int_equal(seteuid(nobody->pw_uid), 0);
	keys = psk_read_file(path, why, sizeof(why));
	assert_int_equal(seteuid(0), 0);
	assert_non_null(keys);
	assert_true(psk_trusted(keys, "nobody"));
	psk_free(keys);
	assert_int_equal(chown(path, 0, 0), 0);
}

static void the_same_key(void **state)
{
	struct psk_keys *keys = from("host1 " KEY1);
	uint8_t key[17];

	(void)state;
	for (int i = 0; i < 17; i++)
		key[i] = i;
	assert_true(psk_is(keys, "host1", key, 16));
	assert_false(psk_is(keys, "host1", key, 15));
	assert_false(psk_is(keys, "host1", key, 17));
	assert_false(psk_is(keys, "host1", key, 0));
	assert_false(psk_is(keys, "host2", key, 16));
	assert_false(psk_is(NULL, "host1", key, 16));
	for (int i = 0; i < 16; i++) {
		key[i] ^= 0x80;
		assert_false(psk_is(keys, "host1", key, 16));
		key[i] ^= 0x80;
	}
	psk_free(keys);
}

static void wrong_lines(void **state)
{
	static const struct {
		const char *text, *why;
	} wrong[] = {
		{ "", "has no keys" },
		{ "# nothing\n", "has no keys" },
		{ "host1\n", "line 1 is not" },
		{ "host1 " KEY1 " more\n", "line 1 is not" },
		{ "a " KEY1 "\nhost1 " KEY1 "0\n", "line 2 has a key of other" },
		{ "host1 " KEY1 "0\n", "line 1 has a key of other" },
		{ "host1 0123456789abcdef0123456789abcd\n", "line 1 has a key of other" },
		{ "host1 " KEY2 KEY2 "00\n", "line 1 has a key of other" },
		{ "host1 0x" KEY1 "\n", "line 1 has a key with other" },
		{ "host1 " KEY1 "\n\nhost1 " KEY2 "\n", "line 3 has a name that was" },
	};
	struct psk_keys *keys;
	char text[400];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_null(from(wrong[i].text));
		assert_non_null(strstr(why, wrong[i].why));
		assert_null(strstr(why, "0123"));
		assert_null(strstr(why, "0001"));
	}
	memset(text, 'x', 256);
	memcpy(text + 256, " " KEY1, sizeof(" " KEY1));
	assert_null(from(text));
	assert_non_null(strstr(why, "255 bytes"));
	keys = from(text + 1);
	assert_non_null(keys);
	psk_free(keys);
	write_file("a " KEY1 "\n\0b", 37, 0600);
	assert_null(psk_read_file(path, why, sizeof(why)));
	assert_string_equal(why, "is no text");
}

static void files_that_others_can_read(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0601, 0666 };
	struct psk_keys *keys;
	char fifo[sizeof(path) + 8];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
		write_file("a " KEY1, 34, modes[i]);
		assert_null(psk_read_file(path, why, sizeof(why)));
		assert_non_null(strstr(why, "others than its owner"));
	}
	write_file("a " KEY1, 34, 0400);
	keys = psk_read_file(path, why, sizeof(why));
	assert_non_null(keys);
	psk_free(keys);
	assert_null(psk_read_file("/dev/null", why, sizeof(why)));
	assert_string_equal(why, "is no regular file");
	assert_null(psk_read_file("/nonexistent/file", why, sizeof(why)));
	assert_string_equal(why, strerror(ENOENT));
	snprintf(fifo, sizeof(fifo), "%s.fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_null(psk_read_file(fifo, why, sizeof(why)));
	assert_string_equal(why, "is no regular file");
	unlink(fifo);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* A process that was killed may be there for long, if what it waits for does not answer. */
static bool stays;
static unsigned int reaped;

pid_t waitpid(pid_t pid, int *status, int options)
{
	pid_t ret = stays ? 0 : wait4(pid, status, options, NULL);

	reaped += ret == pid;
	return ret;
}

static struct psk_keys *command(const char *what, unsigned int ms)
{
	return psk_read_command(what, &ms, why, sizeof(why));
}

static void keys_of_a_command(void **state)
{
	const uint8_t *key;
	struct psk_keys *keys;
	double begun;

	(void)state;
	keys = command("echo 'host1 " KEY1 "'; echo host2 " KEY2, 10000);
	assert_non_null(keys);
	assert_int_equal(psk_find(keys, "host2", &key), 32);
	psk_free(keys);
	assert_null(command("echo host1 " KEY1 "; exit 3", 10000));
	assert_string_equal(why, "failed (status 3)");
	assert_null(command("kill -9 $$", 10000));
	assert_string_equal(why, "failed (status 137)");
	assert_null(command("echo host1", 10000));
	assert_non_null(strstr(why, "line 1 is not"));
	assert_null(command("cat /dev/zero", 10000));
	assert_string_equal(why, strerror(EFBIG));
	/* neither one that says nothing nor one that has said it and stays */
	begun = now();
	assert_null(command("exec >&-; sleep 100", 100));
	assert_non_null(strstr(why, "does not end"));
	assert_true(now() - begun < 5);
}

static void commands_share_their_time(void **state)
{
	unsigned int left = 10000;
	struct psk_keys *keys;
	double begun;

	(void)state;
	keys = psk_read_command("sleep 0.3; echo host1 " KEY1, &left, why, sizeof(why));
	assert_non_null(keys);
	psk_free(keys);
	assert_true(left <= 9700);
	left = 100;
	assert_null(psk_read_command("sleep 100", &left, why, sizeof(why)));
	assert_string_equal(why, "does not end within 100 ms");
	assert_int_equal(left, 0);
	begun = now();
	assert_null(psk_read_command("sleep 100", &left, why, sizeof(why)));
	assert_string_equal(why, "does not end within 0 ms");
	assert_true(now() - begun < 5);
}

static void what_was_killed_does_not_stay(void **state)
{
	(void)state;
	stays = true;
	assert_null(command("sleep 100", 50));
	assert_non_null(strstr(why, "does not end"));
	stays = false;
	reaped = 0;
	assert_null(command("exit 1", 10000));
	assert_int_equal(reaped, 2);
}

static void comparing(void **state)
{
	struct psk_keys *a = from("x " KEY1 "\ny " KEY2), *b = from("y " KEY2 "\nx " KEY1);
	struct psk_keys *c = from("x " KEY2 "\ny " KEY2), *d = from("x " KEY1);

	(void)state;
	assert_true(psk_same(a, b));
	assert_false(psk_same(a, c));
	assert_false(psk_same(a, d));
	assert_false(psk_same(d, a));
	assert_false(psk_same(a, NULL));
	assert_false(psk_same(NULL, a));
	assert_true(psk_same(NULL, NULL));
	assert_true(psk_same_of(a, d, "x"));
	assert_false(psk_same_of(a, d, "y"));
	assert_false(psk_same_of(a, c, "x"));
	assert_true(psk_same_of(a, NULL, "z"));
	psk_free(a);
	psk_free(b);
	psk_free(c);
	psk_free(d);
}

static bool names(const char *identity, size_t len)
{
	char i[VIRTIO_OF_VQN_SIZE], t[VIRTIO_OF_VQN_SIZE];
	uint8_t *copy = malloc(len ? len : 1);
	bool ok;

	/* not one byte behind it is looked at */
	memcpy(copy, identity, len);
	ok = psk_names(copy, len, i, t);
	free(copy);
	return ok;
}

static void identities(void **state)
{
	char id[PSK_IDENTITY_SIZE], i[VIRTIO_OF_VQN_SIZE], t[VIRTIO_OF_VQN_SIZE];
	char longest[256], more[600];

	(void)state;
	assert_true(psk_identity(id, "iqn:a/b", "disk-1"));
	assert_string_equal(id, "virtio-of iqn:a/b disk-1");
	assert_true(psk_names((uint8_t *)id, strlen(id), i, t));
	assert_string_equal(i, "iqn:a/b");
	assert_string_equal(t, "disk-1");
	assert_false(psk_identity(id, "a b", "c"));
	assert_false(psk_identity(id, "a", "b c"));

	memset(longest, 'x', 255);
	longest[255] = 0;
	assert_true(psk_identity(id, longest, longest));
	assert_int_equal(strlen(id), 521);
	assert_true(names(id, 521));
	for (size_t n = 0; n < 267; n++)
		assert_false(names(id, n));
	snprintf(more, sizeof(more), "%sx", id);
	assert_false(names(more, 522));
	snprintf(more, sizeof(more), "virtio-of x%s", id + 10);
	assert_false(names(more, 522));
	assert_false(names("virtio-of a b c", 15));
	assert_false(names("virtio-of a ", 12));
	assert_false(names("virtio-of  b", 12));
	assert_false(names("Virtio-of a b", 13));
	assert_false(names("virtio-of a\0c b", 15));
	assert_false(names("virtio-of a b\0", 14));
}

static int make(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int clean(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_a_file),
		cmocka_unit_test(whose_file),
		cmocka_unit_test(the_same_key),
		cmocka_unit_test(wrong_lines),
		cmocka_unit_test(files_that_others_can_read),
		cmocka_unit_test(keys_of_a_command),
		cmocka_unit_test(commands_share_their_time),
		cmocka_unit_test(what_was_killed_does_not_stay),
		cmocka_unit_test(comparing),
		cmocka_unit_test(identities),
	};

	return cmocka_run_group_tests(tests, make, clean);
}
