// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU that counts the instructions a guest executes, by address.
 *
 * A file PREFIX.N is written when the guest executes the instruction of mark.c
 * for the Nth time, with one line for each block of code that has run: address
 * of its first instruction, and the number of instructions executed in it since
 * the guest was started. A block is what QEMU translates at a time; it ends at a
 * branch, so that it belongs to one function. Instructions with a repeat prefix
 * count once for each repetition, as -icount has it.
 *
 * One processor, in one thread: there are no locks.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mark.h"

/*
 * QEMU's interface for plugins, version 1, as far as it is used here
 * (docs/devel/tcg-plugins). Debian has no package with its header.
 */
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_CB_NO_REGS };
enum { QEMU_PLUGIN_INLINE_ADD_U64 };

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
					   void (*fn)(uint64_t,
						      struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op,
					      void *at, uint64_t add);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*fn)(unsigned int, void *),
					    int flags, void *data);

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int qemu_plugin_version = 1;

/* Blocks at the same address share a counter, whatever process they are of. */
struct block {
	struct block *next;
	uint64_t vaddr;
	uint64_t count;
};

#define BUCKETS (1U << 18)

static struct block *buckets[BUCKETS];
static const char *prefix;
static unsigned int marks;

static struct block *block_at(uint64_t vaddr)
{
	struct block **head = &buckets[(vaddr ^ vaddr >> 18) % BUCKETS];
	struct block *b;

	for (b = *head; b; b = b->next)
		if (b->vaddr == vaddr)
			return b;
	b = calloc(1, sizeof(*b));
	if (!b) {
		fprintf(stderr, "count: out of memory\n");
		exit(1);
	}
	b->vaddr = vaddr;
	b->next = *head;
	*head = b;
	return b;
}

static void mark(unsigned int cpu, void *data)
{
	char path[4096];
	bool failed;
	FILE *f;

	(void)cpu;
	(void)data;
	snprintf(path, sizeof(path), "%s.%u", prefix, ++marks);
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		exit(1);
	}
	for (unsigned int i = 0; i < BUCKETS; i++)
		for (struct block *b = buckets[i]; b; b = b->next)
			if (b->count)
				fprintf(f, "%" PRIx64 " %" PRIu64 "\n", b->vaddr,
					b->count);
	failed = ferror(f);
	if (fclose(f) || failed) {
		perror(path);
		exit(1);
	}
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);
	struct block *b;

	(void)id;
	b = block_at(qemu_plugin_tb_vaddr(tb));
	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64,
						 &b->count, n);
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (qemu_plugin_insn_size(insn) != sizeof(mark_insn) ||
		    memcmp(qemu_plugin_insn_data(insn), mark_insn, sizeof(mark_insn)))
			continue;
		qemu_plugin_register_vcpu_insn_exec_cb(insn, mark,
						       QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

EXPORTED int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "prefix=", 7)) {
		fprintf(stderr, "count: wants prefix=PATH\n");
		return -1;
	}
	prefix = strdup(argv[0] + 7);
	if (!prefix)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
