#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Targets that speak well, of devices that make no sense: what drivers would do with them.
# The error is the right one and says what was wrong, nothing hangs, and a good target is
# of use afterwards.
# timeout: 300
# kernels: 6.1 6.12 debug
# ci: 6.1 6.12
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib/bad.sh"

start_target --blk tvqn=good,mem=16M

enable_fails block=large EOPNOTSUPP "block size of 1048576, which this kernel does not take, unlike"
enable_fails limits=small EOPNOTSUPP \
	"serves 2048 bytes in a request, the block layer here makes none of less than 4096"
enable_fails block=odd EOPNOTSUPP "block size of 1536, which this kernel does not take, unlike 1024"

enable_fails device-id=27 EOPNOTSUPP "this host's memory"
enable_fails device-id=26 EOPNOTSUPP "cannot be told of a lost link"

# The driver's probe waits for requests, in the middle of enable.
bad_target silent-at=probe
comes_back "silent-at=probe: enable" vof_set b enable 1
is "silent-at=probe: its error" "$(cat "$VOF_TMP/back")" ETIMEDOUT
like "silent-at=probe: last_error says why" "$(vof_get b last_error)" \
	"no answer to a request"
vof_set b enable 1 >/dev/null &
enabler=$!
vof_wait_state b connecting 5
sleep 1
check "silent-at=probe: disable while probing" timeout 10 \
	bash -c "echo 0 >$VOF_CONFIGFS/b/enable"
check_not "silent-at=probe: enable fails then" wait $enabler
bad_end silent-at=probe

fine seg-max=4096
segs=$(cat "/sys/block/${DISK#/dev/}/queue/max_segments")
check "seg-max=4096: the driver sees fewer ($segs)" [ "$segs" -le 256 ]
bad_end seg-max=4096

# The block layer warns of such limits.
fine limits=odd
size=$(cat "/sys/block/${DISK#/dev/}/queue/physical_block_size")
# 16 segments of 512 bytes: no request is larger than that, nor any size that it is told.
check "limits=odd: the driver sees another one ($size)" [ "$size" = 8192 ]
# Whether the target can do that does not matter.
timeout 20 blkdiscard -o 1M -l 1M "$DISK" 2>/dev/null
bad_end limits=odd

live shrink
is "shrink: size" "$(blockdev --getsize64 "$DISK")" 16777216
check "shrink: read" read_at "$DISK" 4194304
for ((i = 0; i < 100; i++)); do
	[ "$(blockdev --getsize64 "$DISK")" = 16777216 ] || break
	sleep 0.1
done
is "shrink: size afterwards" "$(blockdev --getsize64 "$DISK")" 8388608
is "shrink: state" "$(vof_get b state)" live
bad_end shrink

# Changes as often as there is somebody to look: the driver looks once a second.
changes() { vof_log | grep -c "new size"; }
more_changes()
{
	for ((i = 0; i < 600; i++)); do
		[ "$(changes)" -lt "$1" ] || return 0
		sleep 0.1
	done
	return 1
}
live flip
check "flip: read" read_at "$DISK" 4194304
n=$(changes)
start=$(date +%s%N)
check "flip: the driver is told of changes" more_changes $((n + 5))
n=$(($(changes) - n))
ms=$((($(date +%s%N) - start) / 1000000))
check "flip: no more than once a second ($n in $ms ms)" [ $ms -ge $(((n - 1) * 900)) ]
within 5 "flip: disable" vof_set b enable 0
bad_end flip

# A configuration that never comes to rest, of which 64 bits cannot be read.
bad_target generation=new
comes_back "generation=new: enable" vof_set b enable 1
note "enable: $(cat "$VOF_TMP/back"), $(vof_get b last_error)"
comes_back "generation=new: is taken down" vof_disconnect b
kill_target
live generation=later
check "generation=later: read" read_at "$DISK" 4194304
comes_back "generation=later: is taken down" vof_disconnect b
kill_target

# A driver that was told of no cache sends no flushes, and must not get one unseen.
live cache=appears
is "cache=appears: cache_type" "$(cat "/sys/block/${DISK#/dev/}/cache_type")" "write through"
vof_set b reconnect 1
check "cache=appears: the device fails" vof_wait_state b failed 15
like "cache=appears: last_error" "$(vof_get b last_error)" "cache mode .* was 0, is 1"
bad_end cache=appears

# virtio_blk has a BUG_ON() for that, and whoever reads the attribute would hold it.
live cache=odd
is "cache=odd: cache_type" "$(cat "/sys/block/${DISK#/dev/}/cache_type")" "write back"
bad_end cache=odd

# virtio_net stops the machine when it has to use a control virtqueue that is not there.
bad_target net=all
is "net=all: is enabled" "$(vof_set b enable 1)" ""
virtio=/sys/bus/virtio/devices/$(vof_get b device)
features=$(cat "$virtio/features")
is "net=all: features that work without control virtqueue" "${features:0:17}" \
	"11010101111111111"
is "net=all: none of the others" "${features:17:7}${features:50:13}" \
	"00000000000000000000"
net=$(ls "$virtio/net" 2>/dev/null)
check "net=all: the interface $net comes up" ip link set "$net" up
ip address add 198.18.0.1/24 dev "$net"
ping -c 1 -w 1 198.18.0.2 >/dev/null 2>&1
sent=$(cat "/sys/class/net/$net/statistics/tx_packets")
check "net=all: it sends ($sent)" [ "$sent" -gt 0 ]
is "net=all: state" "$(vof_get b state)" live
within 5 "net=all: disable" vof_set b enable 0
bad_end net=all

# A response of virtio-scsi that is missing, or that tells of data that is not there:
# the driver takes whatever lies in its pages.
modprobe -q sd_mod
for s in empty short sense; do
	live scsi=$s
	check "scsi=$s: an innocent read" read_at "$DISK" 65536
	check "scsi=$s: a write" timeout 20 dd if=/dev/zero of="$DISK" bs=64k \
		count=4 oflag=direct
	check_not "scsi=$s: the read fails" read_at "$DISK" 4194304
	like "scsi=$s: with an I/O error" "$(cat "$VOF_TMP/dd")" "Input/output error"
	is "scsi=$s: state" "$(vof_get b state)" live
	check "scsi=$s: other reads succeed" read_at "$DISK" 65536
	bad_end scsi=$s
done
live scsi=good
check "scsi=good: read" read_at "$DISK" 4194304
# Not to be repeated: the device fails with its link.
kill_target
check "scsi=good: a lost link fails it" vof_wait_state b failed 15
check_not "scsi=good: reads fail then" read_at "$DISK" 65536
within 5 "scsi=good: disable" vof_set b enable 0
check "scsi=good: rmdir" rmdir "$VOF_CONFIGFS/b"

# That of 6.1 waits for a reader when it registers with the core of hardware random
# numbers, and nothing ends that but an answer, even an empty one.
for ((i = 0; i < 3; i++)); do
	bad_target rng=silent
	comes_back "rng=silent: enable" vof_set b enable 1
	note "enable: $(cat "$VOF_TMP/back")"
	within 5 "rng=silent: disable" vof_set b enable 0
	bad_end rng=silent
done

# An empty answer is the end of the device. The kernel asks for random numbers as soon as
# there is a driver, so that enable may see it already.
bad_target rng=empty
told=$(vof_set b enable 1)
like "rng=empty: is enabled, or fails for that" "$told" "^(EPROTO)?$"
if [ -z "$told" ]; then
	rng=$(grep -o 'virtio_rng[.0-9]*' /sys/class/misc/hw_random/rng_available | tail -n 1)
	echo "$rng" >/sys/class/misc/hw_random/rng_current
	timeout 5 dd if=/dev/hwrng of=/dev/null bs=64 count=4 2>/dev/null
	check "rng=empty: the device fails" vof_wait_state b failed 15
fi
like "rng=empty: last_error" "$(vof_get b last_error)" "answered a request with nothing"
bad_end rng=empty
good_again "all that"
finish
