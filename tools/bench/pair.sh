#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two guests, target and initiator: what an I/O asks of the adapter and of the
# network, and how many round trips it takes: pair.sh rdma|tcp
. "${0%/*}/lib.sh"

transport=$1
case $transport in
rdma) systems="virtio_of nvme-rdma" ;;
tcp) systems="virtio_of-tcp nvme-tcp" ;;
esac
# TCP's window opens once and stays so.
echo 0 >/proc/sys/net/ipv4/tcp_slow_start_after_idle
sizes="4k 16k 64k 256k 1m"
trace=/sys/kernel/tracing
delay=100

if [ "$VOF_NODE" = target ]; then
	start_target "$transport" --blk tvqn=bench,mem=64M,queues=1
	null_disk 64
	nvmet_serve "$transport" 4420 "$NULL_DISK"
	barrier up
	barrier "done"
	exit 0
fi

# What can be counted, by the kernel's function tracer: calls of these.
# Other virtio devices of the guest interrupt as well.
declare -A functions=([interrupts]="vring_interrupt <-vof")
[ "$transport" = tcp ] ||
	functions+=([posts]="rxe_post_send <-" [completions]="rxe_cq_post <-")

calls()
{
	grep -c " ${functions[$1]}" $trace/trace || true
}

packets()
{
	local d=/sys/class/net/$VOF_DEV/statistics
	echo $(($(cat "$d/rx_packets") + $(cat "$d/tx_packets")))
}

# What 100 I/Os bring about, less what opening the disk does.
count()
{
	local ios=100 words i name before
	local -A n
	for i in 1 $((ios + 1)); do
		echo >$trace/trace
		before=$(packets)
		echo 1 >$trace/tracing_on
		fio --name=job --filename="$DISK" --ioengine=libaio --direct=1 \
			--thread --rw="$2" --bs="$3" --size="$AREA" --io_size=1g \
			--norandommap=1 --number_ios="$i" --iodepth="$4" >/dev/null
		echo 0 >$trace/tracing_on
		n[packets]=$(($(packets) - before - ${n[packets]-0}))
		for name in "${!functions[@]}"; do
			n[$name]=$(($(calls "$name") - ${n[$name]-0}))
		done
	done
	words=
	for name in "${!n[@]}"; do
		words+=" $name=$(awk "BEGIN { print ${n[$name]} / $ios }")"
	done
	result "count" "$1" "$2-$3-$4$words"
}

# Mean latency in microseconds of $3 requests of $2 bytes with pauses of $4.
latency()
{
	fio --name=job --filename="$DISK" --ioengine=psync --direct=1 --rw="$1" \
		--bs="$2" --size="$AREA" --io_size=1g --norandommap=1 \
		--number_ios="$3" --thinktime="$4" --output-format=terse \
		--terse-version=3 |
		cut -d ';' -f "$([ "$1" = randread ] && echo 40 || echo 81)"
}

trips()
{
	local rw bs far
	local -A near
	for rw in randread randwrite; do
		for bs in $sizes; do
			latency $rw "$bs" 3 0 >/dev/null
			# As much idle time between two requests as with the delay: a
			# machine that was idle is slower to start.
			near[$rw-$bs]=$(latency $rw "$bs" 10 ${delay}000)
		done
	done
	netem delay ${delay}ms
	for rw in randread randwrite; do
		[ "$transport" = rdma ] || latency $rw 1m 20 0 >/dev/null
		for bs in $sizes; do
			far=$(latency $rw "$bs" 10 0)
			result trips "$1" "$rw-$bs $(awk \
				"BEGIN { print ($far - ${near[$rw-$bs]}) / ($delay * 1000) }")"
		done
	done
	netem
}

netem
barrier up
addr=$(node_addr target)
wait_for ping -c 1 -W 1 "$addr" >/dev/null
echo 8192 >$trace/buffer_size_kb
for system in $systems; do
	case $system in
	virtio_of*) vof_connect bench bench "$addr" "$transport" ;;
	*) nvme_connect "$transport" 4420 "$addr" ;;
	esac
	fill_disk
	printf '%s\n' "${functions[@]%% *}" >$trace/set_ftrace_filter
	echo function >$trace/current_tracer
	for rw in randread randwrite; do
		for bs in 4k 64k 1m; do
			for depth in 1 16; do
				count "$system" "$rw" "$bs" "$depth"
			done
		done
	done
	echo nop >$trace/current_tracer
	trips "$system"
	case $system in
	virtio_of*) vof_disconnect bench ;;
	*) nvme_disconnect ;;
	esac
done
barrier "done"
