#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A disk below the target that fails, is full, or gives less than was asked for:
# the requests that it concerns end with an error, all others do not, the target
# lives on and says the cause. Short reads and writes are completed.
# with: dmsetup
# timeout: 300
. "$(dirname "$0")/lib.sh"

page() { timeout 60 dd if=/dev/zero of="$1" bs=4k count=1 seek="$2" oflag=direct; }
fetch() { timeout 60 dd if="$1" of=/dev/null bs=4k count=1 skip="$2" iflag=direct; }
fsync_of() { timeout 60 dd if=/dev/null of="$1" bs=4k count=0 conv=notrunc,fsync; }
alive() { check "$1: the target lives" kill -0 "$TARGET"; }

# ---- EIO --------------------------------------------------------------------

truncate -s 32M "$VOF_TMP/below"
loop=$(vof_loop "$VOF_TMP/below")
good="0 65536 linear $loop 0"
# 1 MiB and 32 KiB on, 64 KiB are bad.
holed="0 2112 linear $loop 0
2112 128 error
2240 63296 linear $loop 2240"
no_writes="0 65536 flakey $loop 0 0 3600 1 error_writes"
check "a disk with bad sectors" vof_dm bad "$holed"
start_target --blk "tvqn=bad,file=/dev/mapper/bad,queues=1"
check "connect" vof_connect d0 tvqn=bad
disk=$(vof_disk d0)

check "write before the bad sectors" page "$disk" 263
check_not "write to them" page "$disk" 264
check_not "read from them" fetch "$disk" 279
check "read behind them" fetch "$disk" 280
check_not "a write that begins before them" timeout 60 dd if=/dev/zero of="$disk" \
	bs=64k count=1 seek=16 oflag=direct
check "the rest of the disk works" vof_fio filename="$disk" rw=randwrite bs=4k \
	offset=2m size=16m io_size=1m iodepth=16 verify=crc32c
like "the log has the cause of a write" "$(cat "$TARGET_LOG")" \
	"warning: /dev/mapper/bad: write of 4096 bytes at 1081344: Input/output error"
like "the log has the cause of a read" "$(cat "$TARGET_LOG")" \
	"/dev/mapper/bad: read of 4096 bytes at 1142784: Input/output error"
fio --name=errors --filename="$disk" --rw=randread --bs=4k --offset=1081344 \
	--size=64k --number_ios=500 --time_based --runtime=6 --direct=1 --thread \
	--continue_on_error=all --ioengine=libaio --iodepth=8 >"$VOF_TMP/fio" 2>&1
check_not "one more read fails" fetch "$disk" 264
lines=$(grep -c "Input/output error" "$TARGET_LOG")
check "the log is limited ($lines lines)" [ "$lines" -le 63 ]
check "and says so" target_says "messages like the next one were left out" 0
alive "EIO"

check "the bad sectors are replaced" vof_dm bad "$good"
check "they can be written" page "$disk" 264
check "fsync" fsync_of "$disk"
check "all writes fail from now on" vof_dm bad "$no_writes"
check_not "a write fails" page "$disk" 0
check_not "fsync fails" fsync_of "$disk"
check "the log has the cause of that" \
	target_says "/dev/mapper/bad: flush: Input/output error" 0
check "a read does not fail" fetch "$disk" 0
check "writes work again" vof_dm bad "$good"
check "a write" page "$disk" 0
check "fsync" fsync_of "$disk"
is "state of the device" "$(vof_get d0 state)" live

# Without a cache nobody asks for flushes: a failed write is all there is to tell.
echo "write through" >"/sys/block/${disk#/dev/}/cache_type"
check "all writes fail again" vof_dm bad "$no_writes"
check_not "a write without a cache fails" page "$disk" 0
check "writes work once more" vof_dm bad "$good"
vof_set d0 reconnect 1
sleep 0.5
check "a new link: live" vof_wait_state d0 live 10
is "still without a cache" "$(cat "/sys/block/${disk#/dev/}/cache_type")" "write through"
check "a write succeeds" page "$disk" 0
vof_disconnect d0
alive "failing writes"
stop_target
is "the target ends well" $? 0

# ---- a flush that failed ----------------------------------------------------

# The kernel tells it once. The initiator whose link was lost before the answer came
# hears it from the next flush, so does everybody else who was there, and no more.
check "a disk that takes a second for a flush" vof_dm above \
	"0 65536 delay /dev/mapper/bad 0 0 /dev/mapper/bad 0 1000"
start_target --blk "tvqn=late,file=/dev/mapper/above,queues=1"
# What is left in the page cache makes a flush do something.
# shellcheck disable=SC2154 # lib.sh has slower
act --tvqn late --ivqn other up flush sleep:$((4000 * slower)) "!flush" flush down \
	>"$VOF_TMP/other" 2>&1 &
other=$!
for ((i = 0; i < 100; i++)); do
	! grep -q "flush: yes" "$VOF_TMP/other" || break
	sleep 0.1
done
check "all writes fail" vof_dm bad "$no_writes"
check "a flush is posted, its initiator gone" act --tvqn late --ivqn lost up flushes:1
check "it fails" target_says "/dev/mapper/above: flush: Input/output error" 10
check "writes work again" vof_dm bad "$good"
wait $other
is "one that was there is told" $? 0 || note <"$VOF_TMP/other"
check "so is, on its next link, the one that had asked" \
	act --tvqn late --ivqn lost up "!flush" flush down
check "and no more" act --tvqn late --ivqn lost up flush down
check "a new one is not" act --tvqn late --ivqn new up flush down
# A virtqueue's connection is lost, and the instance is not.
check "all writes fail" vof_dm bad "$no_writes"
act --tvqn late --ivqn part up flushes:1 sleep:200 vqdown "await:$VOF_TMP/good" vqup \
	"!flush" flush down >"$VOF_TMP/part" 2>&1 &
part=$!
for ((i = 0; i < 100; i++)); do
	! grep -q "vqdown: yes" "$VOF_TMP/part" || break
	sleep 0.1
done
sleep 2
check "writes work again" vof_dm bad "$good"
: >"$VOF_TMP/good"
wait $part
is "one whose virtqueue alone was lost is told on the next one" $? 0 ||
	note <"$VOF_TMP/part"
check "one that was away when it failed is, too" \
	act --tvqn late --ivqn new up "!flush" flush down
stop_target
is "the target ends well" $? 0
vof_no_disks
loop=$(vof_loop "$VOF_TMP/below")

# ---- ENOSPC -----------------------------------------------------------------

# full WHAT FILE: 24 MiB of a file of 32 MiB that has room for less.
full()
{
	local what=$1 file=$2 disk out
	truncate -s 32M "$file"
	start_target --blk "tvqn=full,file=$file,queues=1"
	check "$what: connect" vof_connect d0 tvqn=full
	disk=$(vof_disk d0)
	check "$what: write to what is there" page "$disk" 0
	out=$(timeout 100 dd if=/dev/zero of="$disk" bs=128k count=192 \
		oflag=direct 2>&1)
	like "$what: writes that do not fit fail" "$out" "No space left|Input/output"
	check "$what: the log has the cause" \
		target_says "$file: write of [0-9]+ bytes at [0-9]+: No space left on device" 0
	check_not "$what: and again" timeout 60 dd if=/dev/zero of="$disk" bs=128k \
		count=1 seek=190 oflag=direct
	check "$what: writes to what has been written" page "$disk" 1
	check "$what: reads" fetch "$disk" 6000
	rm "${file%/*}/filler"
	check "$what: when there is room they fit" timeout 60 dd if=/dev/zero \
		of="$disk" bs=128k count=1 seek=190 oflag=direct
	check "$what: fsync" fsync_of "$disk"
	is "$what: state of the device" "$(vof_get d0 state)" live
	vof_disconnect d0
	alive "$what"
	stop_target
	is "$what: the target ends well" $? 0
}

mkdir -p "$VOF_TMP/tmpfs" "$VOF_TMP/ext4"
mount -t tmpfs -o size=20m tmpfs "$VOF_TMP/tmpfs"
dd if=/dev/zero of="$VOF_TMP/tmpfs/filler" bs=1M count=4 2>/dev/null
full tmpfs "$VOF_TMP/tmpfs/image"
umount "$VOF_TMP/tmpfs"
vof_no_disks
loop=$(vof_loop "$VOF_TMP/below")
check "a new file system" mkfs.ext4 -q -b 4096 -m 0 -O ^has_journal "$loop" 5000
mount "$loop" "$VOF_TMP/ext4"
dd if=/dev/zero of="$VOF_TMP/ext4/filler" bs=1M count=4 2>/dev/null
full ext4 "$VOF_TMP/ext4/image"

# ---- less than was asked for ------------------------------------------------

# Results of reads and writes as io_uring gave them, while this is on.
trace=/sys/kernel/tracing
results() { sed -n 's/.*io_uring_complete:.* result \(-\{0,1\}[0-9]*\).*/\1/p' $trace/trace; }

# short WHAT FILE: of 32 MiB; the limit of a process for the size of files, then a
# file that was cut.
short()
{
	local what=$1 file=$2 disk
	# In the middle of a request: 64 KiB at 128 * 64 KiB have 34816 bytes left.
	local limit=$((129 * 65536 - 30720))
	truncate -s 32M "$file"
	start_target --blk "tvqn=short,file=$file,queues=1"
	check "$what: connect" vof_connect d0 tvqn=short
	disk=$(vof_disk d0)
	echo >$trace/trace
	echo 1 >$trace/events/io_uring/io_uring_complete/enable
	prlimit --pid "$TARGET" --fsize=$limit
	head -c 64k /dev/zero | tr '\0' x >"$VOF_TMP/x"
	check_not "$what: a write across the limit fails" timeout 60 \
		dd if="$VOF_TMP/x" of="$disk" bs=64k count=1 seek=128 oflag=direct
	check "$what: it was short" grep -qx 34816 <(results)
	check "$what: the rest was tried" grep -qx -- -27 <(results)
	check "$what: the log has the cause" target_says \
		"$file: write of 30720 bytes at $limit: File too large" 0
	is "$what: what fitted was written" \
		"$(dd if="$file" bs=1 skip=$((limit - 4)) count=5 2>/dev/null | tr '\0' .)" "xxxx."
	check_not "$what: a write beyond the limit fails" page "$disk" 4000
	alive "$what, beyond the limit"
	check "$what: a write below it" page "$disk" 0
	prlimit --pid "$TARGET" --fsize=unlimited
	check "$what: the limit is lifted" timeout 60 dd if="$VOF_TMP/x" of="$disk" \
		bs=64k count=1 seek=128 oflag=direct
	is "$what: all of it is there" "$(dd if="$file" bs=64k skip=128 count=1 \
		2>/dev/null | cmp - "$VOF_TMP/x" && echo same)" same

	truncate -s $limit "$file"
	echo >$trace/trace
	check_not "$what: a read across the end fails" timeout 60 dd if="$disk" \
		of=/dev/null bs=64k count=1 skip=128 iflag=direct
	check "$what: it was short" grep -qx 34816 <(results)
	check_not "$what: a read beyond the end fails" fetch "$disk" 4000
	check "$what: a read before it" fetch "$disk" 2000
	check "$what: the log tells of the cut" target_says "$file: was cut to $limit bytes"
	check_not "$what: a write beyond the end fails" page "$disk" 4000
	check_not "$what: zeroes beyond the end fail" timeout 60 blkdiscard -z -o 16M -l 1M \
		"$disk"
	is "$what: the file is as short as before" "$(stat -c %s "$file")" "$limit"
	check_not "$what: a flush tells of what is lost" fsync_of "$disk"
	check "$what: once" fsync_of "$disk"
	truncate -s 32M "$file"
	check "$what: it is seen" target_says "$file: has 33554432 bytes again"
	check "$what: the file has its size back" fetch "$disk" 4000
	echo 0 >$trace/events/io_uring/io_uring_complete/enable
	vof_disconnect d0
	alive "$what"
	stop_target
	is "$what: the target ends well" $? 0
}
rm "$VOF_TMP/ext4/image"
short "O_DIRECT" "$VOF_TMP/ext4/image"
umount "$VOF_TMP/ext4"
short "page cache" "$VOF_TMP/image"
vof_no_disks

# ---- files whose writes hang ------------------------------------------------

# The kernel's workers take writes to files one after the other when their inodes have
# the same one of 64 hashes: of 16 that hang, one would meet one of the 8 others as a
# rule.
loop=$(vof_loop "$VOF_TMP/below")
check "a file system without O_DIRECT" mkfs.ext4 -q -b 4096 "$loop"
mount -o data=journal "$loop" "$VOF_TMP/ext4"
disks=()
for ((i = 0; i < 16; i++)); do
	dd if=/dev/zero of="$VOF_TMP/ext4/s$i" bs=64k count=1 conv=fsync 2>/dev/null
	disks+=(--blk "tvqn=s$i,file=$VOF_TMP/ext4/s$i,queues=1,eager=64K")
done
for ((i = 0; i < 8; i++)); do
	dd if=/dev/zero of="$VOF_TMP/q$i" bs=64k count=1 2>/dev/null
	disks+=(--blk "tvqn=q$i,file=$VOF_TMP/q$i,queues=1,eager=64K")
done
start_target "${disks[@]}"
# each NAME N ACTION...: with N disks, one after the other.
each()
{
	local what=$1 n=$2 i
	shift 2
	for ((i = 0; i < n; i++)); do
		timeout $((20 * slower)) vof-act --addr "$(target_addr)" \
			--tvqn "$what$i" "$@" || return
	done
}
check "it hangs" fsfreeze -f "$VOF_TMP/ext4"
check "writes to its files, their initiators gone" each s 16 up post:0:1
check "writes to other files do not wait" each q 8 up write:0:2 flush down
check "it goes on" fsfreeze -u "$VOF_TMP/ext4"
check "its files are served again" each s 16 up write:0:3 read:0:3 down
stop_target
is "the target ends well" $? 0
umount "$VOF_TMP/ext4"
vof_no_disks
finish
