/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints, by device, queue and command id. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM virtio_of

#if !defined(_VIRTIO_OF_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _VIRTIO_OF_TRACE_H

#include <linux/tracepoint.h>
#include <linux/virtio.h>

#include "queue.h"

TRACE_EVENT(vof_submit,
	TP_PROTO(const struct vof_req *req),
	TP_ARGS(req),
	TP_STRUCT__entry(
		__field(int, dev)
		__field(int, queue)
		__field(u16, id)
		__field(u16, segs)
		__field(u32, out_len)
		__field(u32, in_len)
	),
	TP_fast_assign(
		__entry->dev = req->queue->vq->vdev->index;
		__entry->queue = req->queue->index;
		__entry->id = req->id;
		__entry->segs = req->chain.nout + req->chain.nin;
		__entry->out_len = req->chain.out_len;
		__entry->in_len = req->chain.in_len;
	),
	TP_printk("virtio%d queue %d id %u: %u segments, %u bytes out, %u in",
		  __entry->dev, __entry->queue, __entry->id, __entry->segs,
		  __entry->out_len, __entry->in_len)
);

TRACE_EVENT(vof_done,
	TP_PROTO(const struct vof_req *req, u16 status, u32 length),
	TP_ARGS(req, status, length),
	TP_STRUCT__entry(
		__field(int, dev)
		__field(int, queue)
		__field(u16, id)
		__field(u16, status)
		__field(u32, length)
	),
	TP_fast_assign(
		__entry->dev = req->queue->vq->vdev->index;
		__entry->queue = req->queue->index;
		__entry->id = req->id;
		__entry->status = status;
		__entry->length = length;
	),
	TP_printk("virtio%d queue %d id %u: status %#06x, %u bytes written",
		  __entry->dev, __entry->queue, __entry->id, __entry->status,
		  __entry->length)
);

TRACE_EVENT(vof_state,
	TP_PROTO(const char *name, const char *prev, const char *next),
	TP_ARGS(name, prev, next),
	TP_STRUCT__entry(
		__array(char, name, 64)
		__array(char, prev, 16)
		__array(char, next, 16)
	),
	TP_fast_assign(
		strscpy(__entry->name, name, sizeof(__entry->name));
		strscpy(__entry->prev, prev, sizeof(__entry->prev));
		strscpy(__entry->next, next, sizeof(__entry->next));
	),
	TP_printk("%s: %s -> %s", __entry->name, __entry->prev, __entry->next)
);

#endif /* _VIRTIO_OF_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
