#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The RDMA adapter is removed under load: nothing hangs, and when it is back the
# device can be enabled again.
# nodes: target initiator
# timeout: 200
. "$(dirname "$0")/lib.sh"

! on_node target || serve --blk tvqn=disk0,mem=32M,queues=1

barrier up
check "connect" vof_connect d0 tvqn=disk0
disk=$(vof_disk d0)
load "$disk"
vof_set d0 ctrl_loss_tmo 0
check "the adapter is removed under load" timeout 60 rdma link delete "${VOF_RDMA}0"
load_ends "adapter"
is "state" "$(vof_get d0 state)" failed
like "last_error names the cause" "$(vof_get d0 last_error)" "adapter|connection"
check_not "reads fail" timeout 20 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct
check "the failed device can be disabled" timeout 30 bash -c "echo 0 >$VOF_CONFIGFS/d0/enable"
is "enable without an adapter" "$(vof_set d0 enable 1)" ENODEV
check "the adapter is back" rdma link add "${VOF_RDMA}0" type "$VOF_RDMA" \
	netdev "$VOF_DEV"
for ((i = 0; i < 50; i++)); do
	vof_set d0 enable 1 >/dev/null && break
	sleep 0.2
done
is "enabled again" "$(vof_get d0 state)" live
check "and works" vof_fio filename="$(vof_disk d0)" rw=randwrite bs=4k size=16m \
	io_size=1m iodepth=16 verify=crc32c
barrier "done"
finish
