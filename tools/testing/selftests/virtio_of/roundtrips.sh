#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One round trip for every request, whatever its size: that is what the eager
# buffers are for. A delay of 100 ms makes round trips countable:
# (latency with delay - latency without) / round-trip time. Without delay there is
# as much idle time between two requests as with it: a machine that was idle is
# slower to start, an emulated one by milliseconds.
#
# Soft-RoCE sends at most 128 packets ahead of an acknowledgement
# (RXE_MAX_UNACKED_PSNS), 512 KiB at the largest MTU, whatever the protocol: 1 MiB
# with header and SEND takes three such windows. nvme-rdma, measured the same way,
# takes 1.95 round trips for reads and 2.82 for writes of 1 MiB. TCP sends as much as its
# window allows, which has to open first; that it closes whenever nothing was said for a
# while is switched off. Then 1 MiB takes one round trip, too.
#
# A measurement: not for the debug kernel, which is slow.
# kernels: 6.1 6.12
# nodes: target initiator
# transports: rdma tcp
# ci: 6.12 6.12-tcp
# timeout: 300
. "$(dirname "$0")/lib.sh"

echo 0 >/proc/sys/net/ipv4/tcp_slow_start_after_idle
! on_node target || serve --blk tvqn=disk0,mem=64M,queues=1

delay=100

# Mean latency in microseconds of $3 requests of $2 bytes at depth 1, with a pause
# of $4 microseconds between them.
latency()
{
	fio --name=job --filename="$disk" --ioengine=psync --direct=1 --rw="$1" \
		--bs="$2" --size=64m --number_ios="$3" --output-format=terse \
		--thinktime="$4" \
		--terse-version=3 | cut -d ';' -f "$([ "$1" = randread ] && echo 40 || echo 81)"
}

netem
barrier up
check "connect" vof_connect d0 tvqn=disk0 || note "$(vof_get d0 last_error)"
disk=$(vof_disk d0)
echo 1024 >"/sys/block/${disk#/dev/}/queue/max_sectors_kb"
declare -A near
for rw in randread randwrite; do
	for bs in 4k 16k 64k 256k 1m; do
		latency $rw $bs 5 0 >/dev/null
		near[$rw-$bs]=$(latency $rw $bs 15 ${delay}000)
	done
done
# Round trips of $rw with $bs, into $trips. Emulated guests are disturbed by
# whatever else the machine does, hence more than one try.
measure()
{
	local far
	for _ in 1 2 3; do
		far=$(latency "$rw" "$bs" 10 0)
		trips=$(awk "BEGIN { printf \"%.3f\", ($far - ${near[$rw-$bs]}) / ($delay * 1000) }")
		note "$rw $bs: ${near[$rw-$bs]} us, with delay $far us, $trips round trips"
		awk "BEGIN { exit !($trips > 0.7 && $trips <= $1 + 0.05) }" && return 0
		# Was it the time without the delay that was disturbed?
		netem
		near[$rw-$bs]=$(latency "$rw" "$bs" 15 ${delay}000)
		netem delay ${delay}ms
	done
	return 1
}

netem delay ${delay}ms
for rw in randread randwrite; do
	over rdma || latency $rw 1m 20 0 >/dev/null
	for bs in 4k 16k 64k 256k 1m; do
		windows=1
		[ "$bs-$VOF_TRANSPORT" != 1m-rdma ] || windows=3
		if measure $windows; then
			ok "$rw of $bs: at most $windows round trip(s)"
		else
			not_ok "$rw of $bs: $trips round trips"
		fi
	done
done
netem
barrier "done"
finish
