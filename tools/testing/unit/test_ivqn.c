// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/file.c tools/vofctl/say.c */
/*
 * The name of a host: threads and programs that make it at once agree about it, and leave
 * nothing else behind.
 */
#define IVQN_TOP	"."

#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"
#include "../../vofctl/ivqn.c"

#define ROUNDS		20
#define THREADS		8
#define PROGRAMS	4

static char top[64];

static int begin(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/vof-ivqn-XXXXXX");
	return !mkdtemp(top) || chdir(top) || mkdir("etc", 0755);
}

static int end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return chdir("/") || system(command);
}

/* What is in a directory, and nothing else. */
static void is_all(const char *dir, const char *name)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int n = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		if (*e->d_name == '.')
			continue;
		assert_string_equal(e->d_name, name);
		n++;
	}
	closedir(d);
	assert_int_equal(n, 1);
}

/* @name is what both files have, which anybody may read. */
static void stands(const char *name)
{
	char text[2 * IVQN_MAX], want[2 * IVQN_MAX];
	struct stat st;

	assert_int_equal(file_read(IVQN_FILE, text, sizeof(text)), 0);
	snprintf(want, sizeof(want), "%s\n", name);
	assert_string_equal(text, want);
	assert_int_equal(file_read(OPTION_FILE, text, sizeof(text)), 0);
	snprintf(want, sizeof(want), "ivqn=\"%s\"\n", name);
	assert_non_null(strstr(text, want));
	assert_int_equal(stat(IVQN_FILE, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	is_all("etc/virtio-of", "ivqn");
	is_all("etc/modprobe.d", "virtio-of.conf");
}

static void forget(void)
{
	unlink(IVQN_FILE);
	unlink(OPTION_FILE);
}

static struct one {
	pthread_t thread;
	char name[IVQN_MAX + 1];
	int status;
} ones[THREADS];
static pthread_barrier_t together;

static void *get_one(void *arg)
{
	struct one *one = arg;

	pthread_barrier_wait(&together);
	one->status = ivqn_get(one->name);
	return NULL;
}

static void threads(void **state)
{
	(void)state;
	pthread_barrier_init(&together, NULL, THREADS);
	for (int round = 0; round < ROUNDS; round++) {
		forget();
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&ones[i].thread, NULL, get_one,
							&ones[i]), 0);
		for (int i = 0; i < THREADS; i++)
			pthread_join(ones[i].thread, NULL);
		for (int i = 0; i < THREADS; i++) {
			assert_int_equal(ones[i].status, EXIT_OK);
			assert_string_equal(ones[i].name, ones[0].name);
		}
		stands(ones[0].name);
	}
	pthread_barrier_destroy(&together);
}

/* Each begins when the pipe is closed, and tells what it got by another one. */
static pid_t program(const int go[2], int told)
{
	char name[IVQN_MAX + 1] = "";
	pid_t pid = fork();
	int status;

	assert_return_code(pid, errno);
	if (pid)
		return pid;
	close(go[1]);
	status = read(go[0], name, 1);
	status = ivqn_get(name);
	if (write(told, name, sizeof(name)) != sizeof(name))
		status = EXIT_FAILED;
	_exit(status);
}

static void programs(void **state)
{
	char name[PROGRAMS][IVQN_MAX + 1];
	int go[2], told[2], status;
	pid_t pid[PROGRAMS];

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		forget();
		assert_int_equal(pipe(go), 0);
		assert_int_equal(pipe(told), 0);
		for (int i = 0; i < PROGRAMS; i++)
			pid[i] = program(go, told[1]);
		close(go[1]);
		for (int i = 0; i < PROGRAMS; i++) {
			assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
			assert_int_equal(status, 0);
		}
		assert_int_equal(read(told[0], name, sizeof(name)), sizeof(name));
		for (int i = 1; i < PROGRAMS; i++)
			assert_string_equal(name[i], name[0]);
		stands(name[0]);
		close(go[0]);
		close(told[0]);
		close(told[1]);
	}
}

static void others(void **state)
{
	char name[IVQN_MAX + 1], first[IVQN_MAX + 1];

	(void)state;
	forget();
	assert_int_equal(ivqn_get(first), EXIT_OK);
	assert_int_equal(strncmp(first, "virtio-of/host/", 15), 0);
	assert_int_equal(ivqn_set(NULL, name), EXIT_OK);
	assert_string_not_equal(name, first);
	stands(name);
	assert_int_equal(ivqn_set("com.example/host", name), EXIT_OK);
	stands("com.example/host");
	assert_int_equal(ivqn_set("a\"b", name), EXIT_USAGE);
	assert_int_equal(ivqn_set("", name), EXIT_USAGE);
	assert_int_equal(ivqn_get(name), EXIT_OK);
	assert_string_equal(name, "com.example/host");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads),
		cmocka_unit_test(programs),
		cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
