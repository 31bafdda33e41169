// SPDX-License-Identifier: GPL-2.0
/*
 * For LD_PRELOAD: of the completion queues that a program makes, that with the number
 * VOF_SMALL_CQ, counted from 1, has room for one completion, whatever was asked for. The
 * next one to come takes it to the error state, as a broken adapter would.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include <infiniband/verbs.h>

struct ibv_cq *ibv_create_cq(struct ibv_context *context, int cqe, void *cq_context,
			     struct ibv_comp_channel *channel, int comp_vector)
{
	static int n;
	__typeof__(ibv_create_cq) *real = dlvsym(RTLD_NEXT, "ibv_create_cq",
						 "IBVERBS_1.1");
	const char *which = getenv("VOF_SMALL_CQ");

	if (which && ++n == atoi(which))
		cqe = 1;
	return real(context, cqe, cq_context, channel, comp_vector);
}
