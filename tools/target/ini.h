/* SPDX-License-Identifier: GPL-2.0 */
/* The lines of a configuration file, by libinih. */
#ifndef VOFT_INI_H
#define VOFT_INI_H

#include <stdbool.h>
#include <stddef.h>

/* None of these need return: ini_end() is to be called then. */
struct ini_reader {
	/* may it be read? NULL: it may */
	void	(*opened)(int fd);
	void	(*section)(const char *name);
	void	(*entry)(const char *key, const char *value);
	/*
	 * A line that is neither a section nor a key, which is skipped then; @section: it
	 * would have been one (optional: it is wrong, and the file is not read on).
	 */
	void	(*malformed)(bool section);
	void	(*wrong)(const char *fmt, ...)
			__attribute__((format(printf, 1, 2), noreturn));
};

void ini_read(const char *path, const struct ini_reader *reader);
void ini_end(void);
/* "path:line: " while a file is read, else nothing; how many bytes that are. */
int ini_where(char *buf, size_t size);

#endif
