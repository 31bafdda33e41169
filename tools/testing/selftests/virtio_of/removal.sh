#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Disconnect, target death and module unload under load: nothing hangs, nothing
# is reported as written that was not, nothing is left.
# timeout: 400
# smp: 2
. "$(dirname "$0")/lib.sh"

disk0="--blk tvqn=disk0,mem=32M,queues=2"
# shellcheck disable=SC2086 # words
start_target $disk0
for round in 1 2 3; do
	check "round $round: connect" vof_connect d0 tvqn=disk0
	load "$(vof_disk d0)"
	check "round $round: disable under load" timeout 30 bash -c \
		"echo 0 >$VOF_CONFIGFS/d0/enable"
	load_ends "round $round"
	vof_disconnect d0
done

check "connect" vof_connect d0 tvqn=disk0
load "$(vof_disk d0)"
check "rmdir under load" timeout 30 rmdir "$VOF_CONFIGFS/d0"
load_ends "rmdir"
check "rmmod at once" rmmod virtio_of_rdma virtio_of

# What can be wrong with a target, what the device is doing, how it is taken down:
# within 5 s, whatever they are.
remove()
{
	case $1 in
	disable) vof_set d0 enable 0 && rmdir "$VOF_CONFIGFS/d0" ;;
	rmdir) rmdir "$VOF_CONFIGFS/d0" ;;
	esac
}

modprobe virtio_of_rdma
for fault in none dead frozen; do
	for how in disable rmdir; do
		for busy in idle load dirty; do
			what="$busy, target $fault, $how"
			check "$what: connect" vof_connect d0 tvqn=disk0 \
				reconnect_delay=1 || break 3
			disk=$(vof_disk d0)
			case $busy in
			load) load "$disk" ;;
			dirty) dd if=/dev/urandom of="$disk" bs=64k count=64 2>/dev/null ;;
			esac
			case $fault in
			dead) kill_target ;;
			frozen) kill -STOP "$TARGET" ;;
			esac
			within 5 "$what" remove $how
			[ $busy != load ] || load_ends "$what"
			# shellcheck disable=SC2086 # words
			case $fault in
			dead) start_target $disk0 ;;
			frozen) kill -CONT "$TARGET" ;;
			esac
		done
	done
done

# A limit of 0: no second link.
check "connect" vof_connect d0 tvqn=disk0
disk=$(vof_disk d0)
load "$disk"
vof_set d0 ctrl_loss_tmo 0
kill_target
load_ends "killed target"
is "state" "$(vof_get d0 state)" failed
like "last_error says what happened" "$(vof_get d0 last_error)" "closed the connection|connection broke|respond|remote access"
check_not "reads fail" timeout 20 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct
check_not "writes fail" timeout 20 dd if=/dev/zero of="$disk" bs=4k count=1 oflag=direct
within 5 "a failed device can be disabled" vof_set d0 enable 0
# shellcheck disable=SC2086 # words
start_target $disk0
check "and enabled again" vof_set d0 enable 1
check "and works" vof_fio filename="$(vof_disk d0)" rw=randwrite bs=4k size=16m \
	io_size=1m iodepth=16 verify=crc32c
vof_disconnect d0

finish
