#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How time and memory grow with queues and devices, and what idleness costs. One
# guest with several processors plays both sides; its clock counts instructions.
. "${0%/*}/lib.sh"

modprobe virtio_of_rdma
modprobe virtio_blk

now() { date +%s%N; }

# Kilobytes: the target's own memory, and what is gone from the whole machine.
target_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$TARGET/status"; }
machine_kb()
{
	echo 3 >/proc/sys/vm/drop_caches
	awk '/^MemTotal/ { t = $2 } /^MemFree/ { f = $2 } END { print t - f }' \
		/proc/meminfo
}

# Nanoseconds that all tasks of the machine have run.
busy_ns() { awk '/^cpu[0-9]/ { n += $8 } END { printf "%.0f\n", n }' /proc/schedstat; }

# A write of 4 KiB at depth 16, in nanoseconds.
write_ns()
{
	fio --name=job --filename="$1" --ioengine=libaio --direct=1 --thread \
		--rw=randwrite --bs=4k --size="$AREA" --io_size=1g --norandommap=1 \
		--number_ios=2000 --iodepth=16 --output-format=terse \
		--terse-version=3 | awk -F ';' '{ print int(1e6 * $50 / 2000) }'
}

# try WHAT QUEUES DEVICES
try()
{
	local i args=() before ours rest start end idle first one
	for ((i = 1; i <= $3; i++)); do
		args+=(--blk "tvqn=bench$i,mem=16M,queues=$2")
	done
	start_target rdma --max-memory 4G "${args[@]}"
	ours=$(target_kb)
	before=$(machine_kb)
	start=$(now)
	for ((i = 1; i <= $3; i++)); do
		vof_connect "bench$i" "bench$i" "$VOF_ADDR"
		[ "$i" != 1 ] || { first=$(now); one=$DISK; }
	done
	end=$(now)
	rest=$(machine_kb)
	ours=$(($(target_kb) - ours))
	rest=$((rest - before - ours))
	sleep 2
	idle=$(busy_ns)
	sleep 20
	idle=$(($(busy_ns) - idle))
	result scale "$1" "queues=$2 devices=$3 target_kb=$ours kernel_kb=$rest \
connect_ns=$((end - start)) first_ns=$((first - start)) \
idle_ns=$((idle / 20)) write_ns=$(write_ns "$one")"
	for ((i = 1; i <= $3; i++)); do
		vof_disconnect "bench$i"
	done
	stop_target
}

sleep 2
idle=$(busy_ns)
sleep 20
result scale nothing "queues=0 devices=0 target_kb=0 kernel_kb=0 connect_ns=0 \
first_ns=0 idle_ns=$((($(busy_ns) - idle) / 20)) write_ns=0"
# The first device also takes what is never given back.
try warm-up 1 1
for queues in 1 2 4; do
	try queues-$queues $queues 1
done
for devices in 8 64; do
	try devices-$devices 1 $devices
done
