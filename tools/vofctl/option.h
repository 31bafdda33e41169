/* SPDX-License-Identifier: GPL-2.0 */
/* What options of several commands take, in the same words. What is wrong ends the program. */
#ifndef VOFCTL_OPTION_H
#define VOFCTL_OPTION_H

#include <argp.h>
#include <stdbool.h>

/* A whole number from @min to @max, of decimal digits; @what it is for. */
unsigned long option_number(struct argp_state *state, const char *what, const char *arg,
			    unsigned long min, unsigned long max);
/* --output: table or json. */
void option_output(struct argp_state *state, const char *arg, bool *json);
/* The only word that is taken: *@word is NULL before. */
void option_word(struct argp_state *state, const char **word, const char *arg);

#endif
