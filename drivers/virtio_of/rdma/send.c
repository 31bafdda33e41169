// SPDX-License-Identifier: GPL-2.0
/*
 * The command of a request, with its keyed descriptors, as a message.
 */
#include "rdma.h"

/* Returns how many descriptors a piece needs: bounce memory may be in several parts. */
static unsigned int vof_rdma_encode_piece(const struct vof_rdma_queue *rq,
					  const struct vof_rdma_piece *piece,
					  struct virtio_of_keyed_desc *desc)
{
	u32 offset = piece->bounce, left = piece->len, span, key;
	unsigned int n = 0;
	u64 addr;

	if (piece->mr) {
		desc->addr = cpu_to_le64(piece->mr->mr->iova);
		desc->length = cpu_to_le32(piece->len);
		desc->key = cpu_to_le32(piece->mr->mr->rkey);
		return 1;
	}
	do {
		span = vof_eager_locate(rq->bounce, offset, left, &addr, &key);
		desc[n].addr = cpu_to_le64(addr);
		desc[n].length = cpu_to_le32(span);
		desc[n++].key = cpu_to_le32(key);
		offset += span;
		left -= span;
	} while (left && span);
	return n;
}

/* The command with its descriptors; returns the length of the message. */
static u32 vof_rdma_encode(struct vof_rdma_queue *rq, struct vof_req *req,
			   void *slot)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	union virtio_of_command *cmd = slot;
	struct virtio_of_keyed_desc *descs = (void *)(cmd + 1);
	unsigned int i, n = 0;

	if (rr->eager) {
		cmd->vq_keyed_eager_buf = (struct virtio_of_command_vq_keyed_eager_buf) {
			.opcode = cpu_to_le16(VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF),
			.command_id = cpu_to_le16(req->id),
			.out_offset = cpu_to_le32(rr->eager_offset),
			.out_length = cpu_to_le32(req->chain.out_len),
			.in_length = cpu_to_le32(req->chain.in_len),
		};
	} else {
		vof_req_command(req, cmd);
	}
	for (i = 0; i < rr->npieces; i++)
		n += vof_rdma_encode_piece(rq, &rr->pieces[i], &descs[n]);
	return sizeof(*cmd) + n * sizeof(*descs);
}

static void vof_rdma_add_send(struct vof_rdma_queue *rq, struct vof_req *req,
			      bool signal)
{
	size_t slot = (size_t)vof_req_index(req) * rq->cmd_slot;
	struct vof_rdma_req *rr = to_rdma_req(req);
	struct vof_rdma_batch *batch = rq->batch;
	struct ib_sge *sge = &batch->sges[batch->nsges++];
	union vof_rdma_wr *wr = vof_rdma_batch_wr(rq);

	sge->addr = vof_rdma_mem_dma(&rq->cmd_mem, slot);
	sge->length = vof_rdma_encode(rq, req, rq->cmd_mem.virt + slot);
	sge->lkey = rq->pd->local_dma_lkey;
	vof_rdma_mem_for_device(rq->ibdev, &rq->cmd_mem, slot, sge->length);
	wr->wr.opcode = IB_WR_SEND;
	wr->wr.wr_cqe = &rr->send;
	wr->wr.sg_list = sge;
	wr->wr.num_sge = 1;
	wr->wr.send_flags = signal ? IB_SEND_SIGNALED : 0;
}

/**
 * vof_rdma_send() - put the command of a mapped request into the batch
 * @rq: the queue
 * @req: the request, with its data where the target looks for it
 *
 * Context: atomic, under the queue's lock.
 */
void vof_rdma_send(struct vof_rdma_queue *rq, struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	bool invalidates = vof_rdma_req_mrs(rr);

	rr->wait = VOF_RDMA_WAIT_ANSWER | (invalidates ? 0 : VOF_RDMA_WAIT_SENT);
	vof_rdma_add_send(rq, req, !invalidates);
}
