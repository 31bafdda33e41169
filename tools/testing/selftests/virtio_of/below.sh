#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the disk below the target is like reaches the initiator: 4096-byte sectors,
# sizes for I/O and discard, discards themselves. What was allocated stays so.
# ci: 6.12
# with: fallocate
. "$(dirname "$0")/lib.sh"

# scsi_disk OPTIONS...: a disk of scsi_debug; its path in SCSI.
scsi_disk()
{
	local d i
	modprobe scsi_debug dev_size_mb=64 delay=0 "$@" || return 1
	modprobe sd_mod
	for ((i = 0; i < 100; i++)); do
		for d in /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*; do
			[ -b "/dev/${d##*/}" ] || continue
			SCSI=/dev/${d##*/}
			[ "$(blockdev --getsz "$SCSI")" = 131072 ] && return 0
		done
		sleep 0.1
	done
	return 1
}

# The module says that it is in use until the last opener's work is done.
no_scsi_disk()
{
	local i
	for ((i = 0; i < 100; i++)); do
		rmmod scsi_debug 2>/dev/null && return 0
		sleep 0.1
	done
	return 1
}

# limit PATH NAME: of the block device's queue.
limit() { cat "/sys/block/${1#/dev/}/queue/$2"; }
blocks() { stat -c %b "$1"; }

# ---- 4096-byte sectors below a file -------------------------------------------

scsi_disk sector_size=4096 || bail "no disk with sectors of 4096 bytes"
check "a file system" mkfs.ext4 -q "$SCSI"
mount "$SCSI" /mnt
fallocate -l 32M /mnt/image
start_target --blk "tvqn=file,file=/mnt/image,queues=1"
check "the page cache is used, which is said" target_says \
	"/mnt/image: O_DIRECT takes blocks of 4096 bytes, not of 512 .*, using the page cache" 0
check "connect" vof_connect d0 tvqn=file
disk=$(vof_disk d0)
is "block size" "$(limit "$disk" logical_block_size)" 512
check "mkfs" mkfs.ext4 -q -b 1024 "$disk"
check "the superblock can be read" timeout 60 dd if="$disk" of="$VOF_TMP/super" bs=512 \
	count=2 skip=2 iflag=direct
is "it is one" "$(od -An -tx2 -j56 -N2 "$VOF_TMP/super" | tr -d ' ')" ef53
check "the file system is right" e2fsck -fn "$disk"
vof_disconnect d0
check_not "nothing failed" grep -q "Invalid argument\|Input/output error" "$TARGET_LOG"
stop_target
start_target --blk "tvqn=file,file=/mnt/image,queues=1,block-size=4096"
check_not "block-size=4096: O_DIRECT is used" grep -q "page cache" "$TARGET_LOG"
check "connect" vof_connect d0 tvqn=file
disk=$(vof_disk d0)
is "block size" "$(limit "$disk" logical_block_size)" 4096
check "data" vof_fio filename="$disk" rw=randwrite bs=4k size=16m io_size=1m iodepth=16 \
	verify=crc32c

# ---- what was allocated stays allocated -----------------------------------------

all=$((32 << 20 >> 9))
check "fully allocated, which is said" target_says \
	"/mnt/image: fully allocated: discards free nothing" 0
check "discard" blkdiscard "$disk"
check "zeroes" timeout 60 blkdiscard -z "$disk"
check "mkfs" mkfs.ext4 -q -E discard "$disk"
check "the file still has all its blocks" [ "$(blocks /mnt/image)" -ge "$all" ]
vof_disconnect d0
stop_target
start_target --blk "tvqn=file,file=/mnt/image,queues=1,block-size=4096,discard=unmap"
check "connect" vof_connect d0 tvqn=file reconnect_delay=1
disk=$(vof_disk d0)
check "discard=unmap: discard" blkdiscard "$disk"
check "discard=unmap: the file has given them back" [ "$(blocks /mnt/image)" -lt 1000 ]
# It was sparse for this target, and is not for the next one.
kill_target
fallocate -l 32M /mnt/image
start_target --blk "tvqn=file,file=/mnt/image,queues=1,block-size=4096"
check "another target, which frees nothing: live" vof_wait_state d0 live 20
check "discard" blkdiscard "$disk"
check "the file still has all its blocks" [ "$(blocks /mnt/image)" -ge "$all" ]
vof_disconnect d0
stop_target

# ---- odd sizes --------------------------------------------------------------------

truncate -s $((32 << 20)) /mnt/odd
start_target --blk "tvqn=odd,file=/mnt/odd,queues=1,block-size=4096"
check "connect" vof_connect d0 tvqn=odd reconnect_delay=1
disk=$(vof_disk d0)
truncate -s $(((40 << 20) + 1000)) /mnt/odd
kill -HUP "$TARGET"
check "whole blocks are served" target_says "the last 1000 bytes are not served"
grown() { [ "$(blockdev --getsz "$disk")" = 81920 ]; }
for ((i = 0; i < 100; i++)); do
	! grown || break
	sleep 0.1
done
check "it has grown" grown
kill_target
start_target --blk "tvqn=odd,file=/mnt/odd,queues=1,block-size=4096"
check "another target: live" vof_wait_state d0 live 20
check "it serves the same" grown
check "the last block" timeout 60 dd if=/dev/zero of="$disk" bs=4k count=1 seek=10239 \
	oflag=direct
vof_disconnect d0
stop_target
umount /mnt
check "the disk goes" no_scsi_disk

# ---- block sizes that no driver takes -----------------------------------------------

for size in 8192 256 3000 65536; do
	out=$(virtio-of-target --listen "$(vof_url "$VOF_ADDR")" \
		--blk "tvqn=disk,mem=1M,block-size=$size" 2>&1)
	is "block-size=$size is refused" $? 1
	like "in words" "$out" "block-size=$size: drivers take powers of two from 512 to 4096"
done

# ---- discards and limits of a thin disk ---------------------------------------------

# What scsi_debug has given blocks to, of its 512-byte sectors.
provisioned() { cat /sys/bus/pseudo/drivers/scsi_debug/map; }

scsi_disk lbpu=1 lbpws=0 lbpws10=0 unmap_granularity=128 \
	opt_blks=2048 opt_xferlen_exp=6 physblk_exp=3 || bail "no thin disk"
is "none of it is provisioned" "$(provisioned)" ""
start_target --blk "tvqn=thin,file=$SCSI,queues=2"
check "connect" vof_connect d0 tvqn=thin
disk=$(vof_disk d0)
for name in minimum_io_size optimal_io_size physical_block_size logical_block_size \
	discard_granularity; do
	is "$name" "$(limit "$disk" $name)" "$(limit "$SCSI" $name)"
done
check "discard of the empty disk" blkdiscard "$disk"
is "nothing is provisioned" "$(provisioned)" ""
check "data" vof_fio filename="$disk" rw=write bs=64k size=16m iodepth=4 verify=crc32c
check_not "it is provisioned" [ -z "$(provisioned)" ]
check "discard beside load" vof_fio filename="$disk" rw=randwrite bs=4k offset=32m \
	size=16m io_size=2m iodepth=16 verify=crc32c name=other filename="$disk" rw=trim \
	bs=128k size=16m
check "discard" blkdiscard "$disk"
is "nothing is provisioned any more" "$(provisioned)" ""
vof_disconnect d0
stop_target
start_target --blk "tvqn=thin,file=$SCSI,queues=1,discard=off"
check "connect" vof_connect d0 tvqn=thin
disk=$(vof_disk d0)
check "data" vof_fio filename="$disk" rw=write bs=64k size=4m iodepth=4
before=$(provisioned)
check "discard=off: discard" blkdiscard "$disk"
is "discard=off: nothing is freed" "$(provisioned)" "$before"
vof_disconnect d0
stop_target
check "the disk goes" no_scsi_disk
finish
