#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Hundreds of connects and disconnects, dozens of module loads, 64 devices at once, which
# lose their target and come back together: afterwards there is as much of everything as
# before, at both ends.
#
#	cycles.sh [CONNECTS [LOADS [DEVICES]]]		such as 500 200 64
#
# Emulated guests take their time; the default is what they do in some minutes, less
# on the debug kernel, where each test looks for leaks anyway.
# transports: rdma tcp
# ci: 6.12 6.12-tcp
# timeout: 600
# smp: 2
# mem: 2G
. "$(dirname "$0")/lib.sh"

case $(uname -r) in
*-debug) set -- "${1:-20}" "${2:-5}" "${3:-16}" ;;
esac
connects=${1:-100}
loads=${2:-30}
devices=${3:-64}
# Seconds in which they come back together: each of them takes an emulated processor more
# than half of one.
together=$((devices > 64 ? 90 * devices / 64 : 90))

options=()
for ((i = 0; i < devices; i++)); do
	options+=(--blk "tvqn=disk$i,mem=1M,queues=1")
done
# Control queue and virtqueue, those that come and those that still have to go.
options+=(--max-connections $((4 * devices + 64)) --max-share 100 --max-memory 16G)
start_target "${options[@]}"
modprobe "$VOF_MODULE"

# Kilobytes that are free when caches are dropped and deferred frees have happened,
# with the pages on the processors' own lists, which may become an eighth of all
# memory since 6.7.
mem_free()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	awk '/^MemFree/ { n += $2 } /^ +count:/ { n += 4 * $2 } END { print n }' \
		/proc/meminfo /proc/zoneinfo
}

target_rss() { awk '/^VmRSS/ { print $2 }' "/proc/$TARGET/status"; }
target_fds() { set -- /proc/"$TARGET"/fd/*; echo $#; }

# Caches that a device could leak into: name, objects in use, objects of a slab.
# Objects on a processor's own lists count as in use, hence shrink; the way there makes
# entries of directories, as many each time if there were none.
slabs()
{
	local c
	echo 3 >/proc/sys/vm/drop_caches
	for c in /sys/kernel/slab/*/shrink; do
		echo 1 >"$c"
	done 2>/dev/null
	awk '/^kmalloc-|^rxe_|^TCP|^sock_inode|^kernfs|^dentry|^inode_cache|^task_struct/ { print $1, $2, $5 }' /proc/slabinfo
}

# What there is now, as a base for compare.
measure()
{
	vof_census >"$VOF_TMP/before.census"
	mem_before=$(mem_free)
	slabs >"$VOF_TMP/before.slabs"
	rss_before=$(target_rss)
	fds_before=$(target_fds)
	SECONDS=0
}

# compare WHAT TIMES: there is as much memory as before, and no cache has grown by two
# objects each time, and four slabs.
slack=4096
compare()
{
	local seconds=$SECONDS mem rss grown i
	for ((i = 0; i < 50; i++)); do
		[ "$(vof_census)" != "$(cat "$VOF_TMP/before.census")" ] || break
		sleep 0.1
	done
	is "$1: connections, virtio devices, disks" "$(vof_census)" \
		"$(cat "$VOF_TMP/before.census")"
	for ((i = 0; i < 50; i++)); do
		[ "$(target_fds)" != "$fds_before" ] || break
		sleep 0.1
	done
	is "$1: the target's files" "$(target_fds)" "$fds_before"
	mem=$((mem_before - $(mem_free)))
	rss=$(($(target_rss) - rss_before))
	note "$1: $seconds s; $mem KiB less in the guest, $rss KiB more in the target"
	check "$1: the target is no larger ($rss KiB)" [ $rss -lt 4096 ]
	# The target's growth is in it.
	check "$1: no memory is missing ($mem KiB)" [ $mem -lt $slack ]
	# What is freed after a grace period, or a connection's time to wait, may
	# still be on its way.
	for ((i = 0; i < 10; i++)); do
		# Nothing else runs meanwhile, as when it was measured.
		slabs >"$VOF_TMP/after.slabs"
		grown=$(awk -v n=$((2 * $2)) 'NR == FNR { was[$1] = $2; next }
			$2 - was[$1] >= n && $2 - was[$1] >= 4 * $3 {
				print $1, "+" $2 - was[$1] }' \
			"$VOF_TMP/before.slabs" "$VOF_TMP/after.slabs")
		[ -n "$grown" ] || break
		note "$1: $grown after $i s"
		sleep 1
	done
	is "$1: no cache has grown by two objects each time" "$grown" ""
}

# Not the disk: to find it takes longer than to connect.
check "configure" vof_make d0 tvqn=disk0
cycle()
{
	local i
	for ((i = 0; i < $1; i++)); do
		vof_set d0 enable 1 && vof_set d0 enable 0 || return 1
	done
}

# What is allocated once is there before it is measured.
check "first connects" cycle 10
measure
check "$connects connects and disconnects" cycle "$connects"
compare "$connects connects" "$connects"
rmdir "$VOF_CONFIGFS/d0"

reload()
{
	local i
	for ((i = 0; i < $1; i++)); do
		[ ! -d "/sys/module/$VOF_MODULE" ] ||
			rmmod "$VOF_MODULE" virtio_of || return 1
		vof_connect d0 tvqn=disk0 || return 1
		[ "$(vof_get d0 state)" = live ] || return 1
		vof_disconnect d0 || return 1
	done
}

check "first loads" reload 3
measure
check "$loads loads, connects and unloads" reload "$loads"
compare "$loads loads" "$loads"

all()
{
	local i
	for ((i = 0; i < devices; i++)); do
		vof_connect "m$i" "tvqn=disk$i" || return 1
	done
	for ((i = 0; i < devices; i++)); do
		dd if="$(vof_disk "m$i")" of=/dev/null bs=4k count=1 iflag=direct \
			2>/dev/null || return 1
	done
	note "$devices devices: target of $(target_rss) KiB, $(target_fds) files" >&3
}

# All of them in a state. None gives up before the limit for all of them.
all_are()
{
	local i
	for ((i = 0; i < devices; i++)); do
		vof_wait_state "m$i" "$1" $((together + 30)) || return 1
	done
}

none()
{
	local i
	for ((i = 0; i < devices; i++)); do
		vof_disconnect "m$i" || return 1
	done
}

exec 3>&1
# The first time the target touches memory that it keeps, as the second shows.
check "$devices devices" all
kill_target
check "the target is killed: all recover" all_are recovering
start_target "${options[@]}"
within $together "and come back together" all_are live
check "$devices devices go" none
measure
check "$devices devices again" all
check "$devices devices go again" none
compare "$devices devices" "$devices"
finish
