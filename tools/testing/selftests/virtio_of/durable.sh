#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# FLUSH reaches the disk below the target, and nothing else flushes it while the
# device has a cache. Without one every write is on the disk when it is answered:
# for a driver that knows no cache, one that has switched it off, and always with
# writeback=off. The disk's own count of flushes tells.
. "$(dirname "$0")/lib.sh"

truncate -s 32M "$VOF_TMP/below"
loop=$(vof_loop "$VOF_TMP/below")
is "the disk below has a cache" "$(cat "/sys/block/${loop#/dev/}/queue/write_cache")" \
	"write back"

# flushes WHAT LEAST MOST COMMAND...: so many of them reach the disk.
flushes()
{
	local what=$1 least=$2 most=$3 stat n
	local -a before after
	shift 3
	stat=/sys/block/${loop#/dev/}/stat
	read -r -a before <"$stat"
	check "$what" "$@" || return
	read -r -a after <"$stat"
	n=$((after[15] - before[15]))
	if [ $n -ge "$least" ] && [ $n -le "$most" ]; then
		ok "$what: $n flushes"
	else
		not_ok "$what: $n flushes, not $least to $most"
	fi
}

writes=(write:0:1 write:8:2 write:16:3 write:24:4 write:32:5)
disk=(act --tvqn disk up)

start_target --blk "tvqn=disk,file=$loop,queues=1"
flushes "5 writes, with a cache" 0 0 "${disk[@]}" "${writes[@]}"
flushes "3 times FLUSH" 3 3 "${disk[@]}" write:0:1 flush flush flush
flushes "5 writes, a driver that knows no cache" 5 10 act --tvqn disk plain up \
	"${writes[@]}"
flushes "the cache is switched off" 1 1 "${disk[@]}" "${writes[@]}" wce:0
flushes "it is switched off, 5 writes" 6 11 "${disk[@]}" wce:0 "${writes[@]}"
flushes "it is switched on again, 5 writes" 1 1 "${disk[@]}" wce:0 wce:1 \
	"${writes[@]}"
flushes "another instance has a cache of its own" 0 0 "${disk[@]}" "${writes[@]}"

# The same by the kernel's driver.
check "connect" vof_connect d0 tvqn=disk
vda=$(vof_disk d0)
type=/sys/block/${vda#/dev/}/cache_type
is "cache_type" "$(cat "$type")" "write back"
dd=(dd if=/dev/zero "of=$vda" bs=4k count=5 oflag=direct)
flushes "virtio_blk: 5 writes" 0 0 "${dd[@]}"
flushes "virtio_blk: 5 writes and fsync" 1 2 "${dd[@]}" conv=fsync
echo "write through" >"$type"
is "cache_type, switched" "$(cat "$type")" "write through"
flushes "virtio_blk: 5 writes, without a cache" 5 10 "${dd[@]}"
echo "write back" >"$type"
flushes "virtio_blk: 5 writes, with it again" 0 0 "${dd[@]}"
vof_disconnect d0
stop_target

start_target --blk "tvqn=disk,file=$loop,queues=1,writeback=off"
flushes "writeback=off: 5 writes" 5 10 "${disk[@]}" "${writes[@]}"
check "connect" vof_connect d0 tvqn=disk reconnect_delay=1
vda=$(vof_disk d0)
type=/sys/block/${vda#/dev/}/cache_type
is "writeback=off: cache_type" "$(cat "$type")" "write through"
# The driver sends no flushes, so that a cache would be one too many.
kill_target
start_target --blk "tvqn=disk,file=$loop,queues=1,writeback=on"
check "another target, with a cache: live" vof_wait_state d0 live 20
flushes "another target, with a cache: 5 writes" 5 10 \
	dd if=/dev/zero "of=$vda" bs=4k count=5 oflag=direct
vof_disconnect d0
stop_target

# A file: what the page cache or the file system holds back counts as well.
# One that does nothing in the background: no late initialisation, no commits.
check "a file system" mkfs.ext4 -q -b 4096 \
	-E lazy_itable_init=0,lazy_journal_init=0 "$loop"
mount -o noatime,commit=300 "$loop" /mnt
dd if=/dev/zero of=/mnt/image bs=1M count=8 conv=fsync 2>/dev/null
start_target --blk "tvqn=disk,file=/mnt/image,queues=1"
flushes "a file: 5 writes" 0 0 "${disk[@]}" "${writes[@]}"
flushes "a file: FLUSH" 1 3 "${disk[@]}" write:0:1 flush
flushes "a file: 5 writes, a driver that knows no cache" 5 20 \
	act --tvqn disk plain up "${writes[@]}"
stop_target
umount /mnt
vof_no_disks
finish
