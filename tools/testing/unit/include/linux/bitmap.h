/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_LINUX_BITMAP_H
#define _UNIT_LINUX_BITMAP_H

/*
 * Bit by bit, so that it is obviously right; and accesses through the map are
 * exactly those of the caller, so that the address sanitizer sees them.
 */
#include <linux/slab.h>

#define BITS_PER_LONG	(8 * (unsigned int)sizeof(long))

static inline bool test_bit(unsigned long nr, const unsigned long *map)
{
	return map[nr / BITS_PER_LONG] >> nr % BITS_PER_LONG & 1;
}

static inline unsigned long unit_find(const unsigned long *map,
				      unsigned long size, unsigned long at,
				      bool what)
{
	/* Whole words first: the tests search a lot. */
	while (at < size && test_bit(at, map) != what) {
		if (at % BITS_PER_LONG == 0 &&
		    map[at / BITS_PER_LONG] == (what ? 0 : -1UL))
			at += BITS_PER_LONG;
		else
			at++;
	}
	return at < size ? at : size;
}

static inline unsigned long find_next_bit(const unsigned long *map,
					  unsigned long size, unsigned long at)
{
	return unit_find(map, size, at, true);
}

static inline unsigned long find_next_zero_bit(const unsigned long *map,
					       unsigned long size,
					       unsigned long at)
{
	return unit_find(map, size, at, false);
}

static inline void bitmap_set(unsigned long *map, unsigned int start,
			      unsigned int nbits)
{
	for (; nbits--; start++)
		map[start / BITS_PER_LONG] |= 1UL << start % BITS_PER_LONG;
}

static inline void bitmap_clear(unsigned long *map, unsigned int start,
				unsigned int nbits)
{
	for (; nbits--; start++)
		map[start / BITS_PER_LONG] &= ~(1UL << start % BITS_PER_LONG);
}

static inline unsigned long *bitmap_zalloc(unsigned int nbits, gfp_t flags)
{
	return kzalloc((nbits + BITS_PER_LONG - 1) / BITS_PER_LONG *
		       sizeof(long), flags);
}

static inline void bitmap_free(const unsigned long *map)
{
	kfree(map);
}

#endif /* _UNIT_LINUX_BITMAP_H */
