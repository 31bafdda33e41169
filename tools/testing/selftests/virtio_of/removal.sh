#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Disconnect, target death and module unload under load: nothing hangs, nothing
# is reported as written that was not, nothing is left.
# timeout: 400
# smp: 2
. "$(dirname "$0")/lib.sh"

start_target --blk tvqn=disk0,mem=32M,queues=2
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

modprobe virtio_of_rdma
check "connect" vof_connect d0 tvqn=disk0
disk=$(vof_disk d0)
load "$disk"
kill_target
load_ends "killed target"
is "state" "$(vof_get d0 state)" failed
like "last_error says what happened" "$(vof_get d0 last_error)" "closed the connection|connection broke|respond|remote access"
check_not "reads fail" timeout 20 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct
check_not "writes fail" timeout 20 dd if=/dev/zero of="$disk" bs=4k count=1 oflag=direct
check "a failed device can be disabled" timeout 30 bash -c "echo 0 >$VOF_CONFIGFS/d0/enable"
start_target --blk tvqn=disk0,mem=32M,queues=2
check "and enabled again" vof_set d0 enable 1
check "and works" vof_fio filename="$(vof_disk d0)" rw=randwrite bs=4k size=16m \
	io_size=1m iodepth=16 verify=crc32c

disk=$(vof_disk d0)
load "$disk"
kill -STOP "$TARGET"
load_ends "frozen target"
like "last_error says that it does not answer" "$(vof_get d0 last_error)" "answer|respond"
check "disable with a frozen target" timeout 30 bash -c "echo 0 >$VOF_CONFIGFS/d0/enable"
kill -CONT "$TARGET"
check "the target serves again" vof_set d0 enable 1
vof_disconnect d0

finish
