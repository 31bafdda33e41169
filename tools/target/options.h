/* SPDX-License-Identifier: GPL-2.0 */
/* What the user wants, from the command line and the file that it names. */
#ifndef VOFT_OPTIONS_H
#define VOFT_OPTIONS_H

#include <stdbool.h>

struct config;

/*
 * Into `config`. Exits with a message that names the culprit when something is wrong. True:
 * that was to be found out, and nothing else.
 */
bool options_parse(int argc, char **argv);

/* The same once more, into @c. What is wrong, in words; NULL: nothing. */
const char *options_again(struct config *c);

#endif
