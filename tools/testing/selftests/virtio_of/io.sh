#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Data comes back as it was written: block sizes from 512 bytes to 1 MiB, depths
# from 1 to 128, several queues, vectors at odd addresses, a file behind it.
# transports: rdma tcp tls
# ci: 6.1 6.12 6.1-tcp 6.12-tcp
# timeout: 400
# smp: 2
. "$(dirname "$0")/lib.sh"

truncate -s 64M "$VOF_TMP/image"
start_target --blk tvqn=disk0,mem=64M,queues=4 \
	--blk "tvqn=disk1,file=$VOF_TMP/image,queues=1" \
	--blk tvqn=disk2,mem=16M,readonly \
	--blk tvqn=disk3,mem=64M,queues=1,queue-size=1024

check "connect" vof_connect d0 tvqn=disk0
disk=$(vof_disk d0)
queues=("/sys/block/${disk#/dev/}/mq"/*)
is "a queue for each CPU" ${#queues[@]} 2

for bs in 512 1k 4k 16k 64k 256k 1m; do
	for depth in 1 16 128; do
		case $bs-$depth in
		1k-*|16k-1|256k-1) continue ;;
		512-*) io=256k ;;
		4k-*) io=1m ;;
		*) io=4m ;;
		esac
		check "blocks of $bs at depth $depth" vof_fio filename="$disk" \
			rw=randwrite "bs=$bs" size=64m "io_size=$io" "iodepth=$depth" \
			iodepth_batch_submit=8 verify=crc32c
	done
done
check "mixed sizes, reads and writes, 2 jobs" vof_fio filename="$disk" \
	rw=randrw bsrange=512-256k bs_unaligned=0 blockalign=512 size=32m \
	offset_increment=32m numjobs=2 io_size=8m iodepth=32 verify=crc32c
check "vectors at odd addresses" vof-vecio "$disk" 200
check "discard" blkdiscard -o 1048576 -l 1048576 "$disk"
check "write zeroes" blkdiscard -z -o 4194304 -l 1048576 "$disk"
check "they read as zeroes" cmp -n 1048576 -i 4194304:0 "$disk" /dev/zero
is "no error" "$(vof_get d0 last_error)" ""

check "connect to a file" vof_connect d1 tvqn=disk1
disk=$(vof_disk d1)
check "file: blocks of 4k" vof_fio filename="$disk" rw=randwrite bs=4k \
	size=64m io_size=4m iodepth=32 verify=crc32c
check "file: blocks of 1m" vof_fio filename="$disk" rw=randwrite bs=1m \
	size=64m io_size=16m iodepth=4 verify=crc32c
check "file: vectors at odd addresses" vof-vecio "$disk" 50
check "file: discard" blkdiscard -o 1048576 -l 1048576 "$disk"
check "file: discarded blocks read as zeroes" \
	cmp -n 1048576 -i 1048576:0 "$disk" /dev/zero
check "file: has what was written" bash -c "
	dd if=/dev/urandom of=$VOF_TMP/random bs=1M count=4 2>/dev/null &&
	dd if=$VOF_TMP/random of=$disk bs=1M seek=8 oflag=direct conv=fsync 2>/dev/null &&
	cmp -n 4194304 -i 0:8388608 $VOF_TMP/random $VOF_TMP/image"

# Answers of 4 KiB come from strips of bounce memory, half of which strips may take.
# Vectors at odd addresses want up to a MiB of it in one piece at the same time.
check "connect a queue of 1024" vof_connect d3 tvqn=disk3 queue_size=1024
disk=$(vof_disk d3)
echo 1024 >"/sys/block/${disk#/dev/}/queue/nr_requests"
check "depth 800: blocks of 4k" vof_fio filename="$disk" rw=randwrite bs=4k \
	size=64m io_size=4m iodepth=800 iodepth_batch_submit=100 verify=crc32c
vof_fio filename="$disk" rw=randrw bs=4k offset=32m size=32m io_size=8m iodepth=400 \
	verify=crc32c &
check "vectors at odd addresses among small requests" vof-vecio "$disk" 100
check "which come back as written" wait $!
is "no error on it" "$(vof_get d3 last_error)" ""
check "disconnect it" vof_disconnect d3

check "connect to a read-only disk" vof_connect d2 tvqn=disk2
disk=$(vof_disk d2)
is "it is read-only" "$(blockdev --getro "$disk")" 1
check "it can be read" dd if="$disk" of=/dev/null bs=1M count=4 iflag=direct
check_not "it cannot be written" dd if=/dev/zero of="$disk" bs=4k count=1 oflag=direct
finish
