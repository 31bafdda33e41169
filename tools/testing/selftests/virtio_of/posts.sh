#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How often the adapter's doorbell is rung: once for each I/O at depth 1, less
# than once where one kick makes several chains available. The kernel's function
# tracer counts calls of soft-RoCE's post_send. And how many packets answer an I/O:
# fewer where the target answers several at a time.
#
# The debug kernel is too slow for batches to be those of a real one.
# kernels: 6.1 6.12
# nodes: target initiator
# timeout: 200
. "$(dirname "$0")/lib.sh"

! on_node target || serve --blk tvqn=disk0,mem=64M,queues=1

trace=/sys/kernel/tracing
[ -e $trace/current_tracer ] || mount -t tracefs none $trace
function=rxe_post_send

received() { cat "/sys/class/net/$VOF_DEV/statistics/rx_packets"; }

# Posts and packets received per I/O of $2 I/Os, in thousandths, into POSTS and
# PACKETS; the rest goes to fio.
posts()
{
	local what=$1 ios=$2 n packets
	shift 2
	packets=$(received)
	echo >$trace/trace
	echo 1 >$trace/tracing_on
	vof_fio filename="$disk" size=64m number_ios="$ios" "$@" || return 1
	echo 0 >$trace/tracing_on
	n=$(grep -c "$function <-" $trace/trace)
	packets=$(($(received) - packets))
	note "$what: $n posts for $ios I/Os, $packets packets received"
	PACKETS=$((packets * 1000 / ios))
	POSTS=$((n * 1000 / ios))
}

between() { [ "$POSTS" -ge "$1" ] && [ "$POSTS" -le "$2" ]; }

barrier up
check "connect" vof_connect d0 tvqn=disk0
disk=$(vof_disk d0)
echo 4096 >$trace/buffer_size_kb
check "post_send can be traced" bash -c \
	"echo $function >$trace/set_ftrace_filter && echo function >$trace/current_tracer"
ios=200
for rw in randwrite:4k randwrite:64k randwrite:256k randread:4k; do
	posts "$rw" $ios rw=${rw%:*} bs=${rw#*:} iodepth=1
	# Keepalive and the look at the disk's size when fio opens it are few.
	check "$rw at depth 1: one post for each I/O ($POSTS/1000)" \
		between 1000 1020
done
posts randread:64k $ios rw=randread bs=64k iodepth=1
check "randread:64k: one more, for the invalidation ($POSTS/1000)" \
	between 1990 2020
for rw in randwrite:4k randread:4k; do
	posts "$rw at depth 16" 1600 rw=${rw%:*} bs=${rw#*:} iodepth=16 \
		iodepth_batch_submit=8 iodepth_batch_complete_min=8
	check "$rw at depth 16: less than one post for each I/O ($POSTS/1000)" \
		[ "$POSTS" -lt 1000 ]
	# Two acknowledgements, data, status and completion, of which a read has data
	# and status in two packets. Together the status is a packet less.
	alone=$([ "$rw" = randwrite:4k ] && echo 4000 || echo 5000)
	check "$rw at depth 16: answers travel together ($PACKETS/1000 packets, alone $alone)" \
		[ "$PACKETS" -lt $((alone - 400)) ]
done
echo nop >$trace/current_tracer
echo >$trace/set_ftrace_filter
barrier "done"
finish
