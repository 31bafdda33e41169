// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/file.c tools/target/file_io.c tools/target/file_size.c */
/* link: tools/target/file_open.c tools/target/claim.c tools/target/below.c */
/* link: tools/target/timers.c */
/*
 * What the target opens is one file, whatever happens to its name, and of one size: locks,
 * files that are cut or grow, disks that have vanished, blocks that are not whole.
 */
#include "file_scripted.h"

static void locks(void **state)
{
	(void)state;
	assert_null(backend_open_file(&cfg, &disk));
	assert_non_null(strstr(last, "in use"));
	cfg.readonly = true;
	assert_null(backend_open_file(&cfg, &disk));
}

/* The time to wait is one for all files: here for two that nobody lets go of. */
static void one_deadline(void **state)
{
	(void)state;
	config.file_wait = 2;
	sleeps = 0;
	assert_null(backend_open_file(&cfg, &disk));
	assert_in_range(sleeps, 1, 100);
	assert_non_null(strstr(last, "in use"));
	sleeps = 0;
	assert_null(backend_open_file(&cfg, &disk));
	assert_int_equal(sleeps, 0);
	config.file_wait = 0;
}

/* Another one takes the name of the file that is waited for. */
static int held;

static void rename_over(void)
{
	char other[40];
	int fd;

	snprintf(other, sizeof(other), "%s-new", path);
	fd = open(other, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0 && !ftruncate(fd, SIZE));
	close(fd);
	assert_int_equal(rename(other, path), 0);
	close(held);
}

static void one_file(void **state)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct stat first, st;

	(void)state;
	be->ops->close(be);
	held = open(path, O_RDWR);
	assert_true(held >= 0 && !fcntl(held, F_OFD_SETLK, &l));
	assert_int_equal(fstat(held, &first), 0);
	config.file_wait = 1;
	meanwhile = rename_over;
	be = backend_open_file(&cfg, &disk);
	config.file_wait = 0;
	assert_non_null(be);
	assert_null(meanwhile);
	assert_int_equal(stat(path, &st), 0);
	assert_int_not_equal(st.st_ino, first.st_ino);
	assert_true(be->ops->holds(be, &first));
	assert_false(be->ops->holds(be, &st));

	submit(BIO_WRITE, 0, 8192, 0);
	assert_int_equal(fstat(sqes[0].fd, &st), 0);
	assert_int_equal(st.st_ino, first.st_ino);
	answer(8192, false);
	submit(BIO_FLUSH, 0, 0, 0);
	assert_int_equal(fstat(sqes[0].fd, &st), 0);
	assert_int_equal(st.st_ino, first.st_ino);
	answer(0, false);
}

/* A file that somebody has cut is not made longer again by writes. */
static void cut_file(void **state)
{
	(void)state;
	submit(BIO_WRITE, SIZE - 4096, 4096, 0);
	answer(4096, false);
	assert_int_equal(result, 0);
	assert_int_equal(truncate(path, SIZE / 2 + 1000), 0);
	timer->fn(timer);
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(last, "was cut to 4195304 bytes"));
	/* every initiator hears of it */
	assert_int_equal(be->failures, 1);
	timer->fn(timer);
	assert_int_equal(warnings, 1);
	for (int zeroes = 0; zeroes < 2; zeroes++) {
		enum bio_op op = zeroes ? BIO_ZEROES : BIO_WRITE;

		submit(op, SIZE - 4096, 4096, 0);
		assert_int_equal(n_sqes, 0);
		assert_int_equal(results, 1);
		assert_int_equal(result, -EIO);
		/* across the end */
		submit(op, SIZE / 2, 1024, 0);
		assert_int_equal(n_sqes, 0);
		assert_int_equal(result, -EIO);
		submit(op, SIZE / 2 - 4096, 4096, 0);
		answer(zeroes ? 0 : 4096, false);
		assert_int_equal(result, 0);
	}
	assert_int_equal(truncate(path, SIZE), 0);
	timer->fn(timer);
	assert_non_null(strstr(last, "has 8388608 bytes again"));
	submit(BIO_WRITE, SIZE - 4096, 4096, 0);
	answer(4096, false);
	assert_int_equal(be->failures, 1);

	/* a flush looks, too */
	assert_int_equal(truncate(path, 4096), 0);
	submit(BIO_FLUSH, 0, 0, 0);
	answer(0, false);
	assert_int_equal(be->failures, 2);
	submit(BIO_WRITE, 8192, 4096, 0);
	assert_int_equal(result, -EIO);
}

static unsigned int others_ran;

static void other_timer(struct timer *t)
{
	(void)t;
	others_ran++;
}

/* The only file goes, as in a reload, and another one comes: all timers still run. */
static void only_file(void **state)
{
	struct timer others[4];
	struct timer *t;

	(void)state;
	for (int i = 0; i < 4; i++) {
		timer_init(&others[i], other_timer);
		/* those that are due later are linked below that of the files */
		timer_set(&others[i], 5000 + i);
	}
	again(0, DISCARD_AUTO);
	be->ops->close(be);
	for (int i = 0; i < 4; i++)
		assert_non_null(others[i].link);
	be = backend_open_file(&cfg, &disk);
	assert_non_null(be);
	assert_int_equal(truncate(path, SIZE / 2), 0);
	others_ran = 0;
	for (now += 1; now < 10000 && (t = timers.first); now++) {
		if (t->when > now)
			continue;
		timers_del(&timers, t);
		t->fn(t);
	}
	now = 0;
	assert_int_equal(others_ran, 4);
	assert_int_equal(be->failures, 1);

	/* nothing is left to look at when the last one has gone */
	be->ops->close(be);
	assert_null(timers.first);
	be = backend_open_file(&cfg, &disk);
	assert_non_null(be);
}

/* What a path leads to is not what has vanished: not served, and said once. */
static void another_disk(void **state)
{
	(void)state;
	be->ops->close(be);
	disk.size = SIZE;
	snprintf(disk.name, sizeof(disk.name), "disk naa.1");
	for (int i = 0; i < 2; i++) {
		warnings = 0;
		be = backend_open_file(&cfg, &disk);
		assert_null(be);
		assert_int_equal(warnings, !i);
	}
	assert_non_null(strstr(last, "8388608 bytes, a file: not the disk"));
	assert_non_null(strstr(last, "vanished (8388608 bytes, disk naa.1)"));
	assert_true(disk.told);

	/* nor is one of another size */
	disk.told = false;
	*disk.name = 0;
	disk.size = SIZE / 2;
	assert_null(backend_open_file(&cfg, &disk));
	assert_true(disk.told);

	/* it is back */
	disk.size = SIZE;
	be = backend_open_file(&cfg, &disk);
	assert_non_null(be);
	memset(&disk, 0, sizeof(disk));
}

static void whole_blocks(void **state)
{
	(void)state;
	assert_int_equal(truncate(path, SIZE + 4096 + 1000), 0);
	again(4096, DISCARD_AUTO);
	assert_int_equal(be->size, SIZE + 4096);
	assert_non_null(strstr(last, "the last 1000 bytes are not served"));
	/* the same when it grows, and only then; the event loop waits for nobody */
	server_is_gone = true;
	warnings = 0;
	assert_false(be->ops->refresh(be));
	assert_int_equal(warnings, 0);
	assert_int_equal(truncate(path, SIZE + 3 * 4096 + 512), 0);
	assert_true(be->ops->refresh(be));
	assert_int_equal(be->size, SIZE + 3 * 4096);
	assert_int_equal(warnings, 1);
	assert_false(be->ops->refresh(be));
	assert_int_equal(warnings, 1);
	timer->fn(timer);
	server_is_gone = false;
}

static void discard_mode(void **state)
{
	int fd = open(path, O_RDWR);

	(void)state;
	/* sparse */
	assert_true(be->unmap);
	again(0, DISCARD_OFF);
	assert_false(be->unmap);
	if (fallocate(fd, 0, 0, SIZE)) {
		close(fd);
		skip();
	}
	close(fd);
	again(0, DISCARD_AUTO);
	assert_false(be->unmap);
	assert_non_null(strstr(last, "fully allocated: discards free nothing"));
	again(0, DISCARD_UNMAP);
	assert_true(be->unmap);
}

/* The event loop does not wait for close(), and knows what is being closed. */
static void closed_by_a_thread(void **state)
{
	struct stat st, other;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(stat("/dev/null", &other), 0);
	assert_false(file_closing(&st));
	threads = true;
	be->ops->close(be);
	threads = false;
	assert_true(file_closing(&st));
	assert_false(file_closing(&other));
	assert_int_equal(fcntl(to_close[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(to_close[1], F_GETFD), FD_CLOEXEC);
	close(to_close[0]);
	close(to_close[1]);
	when_closed->fn(when_closed, 0);
	assert_false(file_closing(&st));
	be = backend_open_file(&cfg, &disk);
	assert_non_null(be);
	be->ops->close(be);
	assert_false(file_closing(&st));
	be = backend_open_file(&cfg, &disk);
	assert_non_null(be);
}

int main(void)
{
#define TEST(fn)	cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(locks),
		TEST(one_file),
		TEST(one_deadline),
		TEST(cut_file),
		TEST(only_file),
		TEST(another_disk),
		TEST(whole_blocks),
		TEST(discard_mode),
		TEST(closed_by_a_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
