#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The RDMA adapter goes and comes back, that of the target does, or the interface below
# it goes down and up, under a verified load: the load waits, and ends without an error.
# Nothing but soft-RoCE stands in the way of the latter: see interface_up.
# nodes: target initiator
# timeout: 300
. "$(dirname "$0")/lib.sh"

if on_node target; then
	truncate -s 32M "$VOF_TMP/image"
	start_target --blk "tvqn=disk0,file=$VOF_TMP/image,queues=1"
	barrier up
	barrier "remove theirs"
	# Waits for whoever has the adapter open.
	check "the target's adapter is removed" timeout 20 rdma link delete rxe0
	target_ends
	is "the target has ended, to be started again" $? 1
	check "and says why" target_says "RDMA adapter .* is removed: ending" 0
	check "the adapter is back" rdma link add rxe0 type rxe netdev "$VOF_DEV"
	sleep 2
	start_target --blk "tvqn=disk0,file=$VOF_TMP/image,queues=1"
	barrier "theirs is back"
	barrier "done"
	finish
fi

barrier up
check "connect" vof_connect d0 tvqn=disk0 reconnect_delay=1 ||
	note "$(vof_get d0 last_error)"
disk=$(vof_disk d0)

# round NAME COMMAND... -- COMMAND...: lose it, get it back.
round()
{
	local what=$1 lose=() start
	shift
	while [ "$1" != -- ]; do
		lose+=("$1")
		shift
	done
	shift
	verified_load "$disk"
	check "$what: under load" "${lose[@]}"
	check "$what: recovering" vof_wait_state d0 recovering 70
	note "$what: $(vof_get d0 last_error)"
	sleep 3
	check "$what: the load waits" kill -0 "$LOAD"
	note "$what: then $(vof_get d0 last_error)"
	check "$what: back" "$@"
	start=$(milliseconds)
	check "$what: live again" vof_wait_state d0 live 20
	note "$what: live $(($(milliseconds) - start)) ms after that"
	verified_load_ends "$what"
}

# What the connection manager sends while the interface is down takes queue pair 1
# of soft-RoCE out of order for good, on 6.12 as one in error, on 6.1 as one that is
# ready and receives nothing: nobody connects through this adapter any more, rping
# neither. It has to be made again.
interface_up()
{
	rdma link delete rxe0 && ip link set "$VOF_DEV" up &&
		rdma link add rxe0 type rxe netdev "$VOF_DEV"
}

round "adapter removed" timeout 60 rdma link delete rxe0 -- \
	rdma link add rxe0 type rxe netdev "$VOF_DEV"
# shellcheck disable=SC2034 # for lib.sh
vof_interface_down=yes
round "interface down" ip link set "$VOF_DEV" down -- interface_up

remove_theirs() { barrier "remove theirs"; }
round "target's adapter removed" remove_theirs -- barrier "theirs is back"

# Taken down while the adapter is away.
load "$disk"
check "the adapter is removed" timeout 60 rdma link delete rxe0
check "recovering" vof_wait_state d0 recovering 30
within 5 "disable without an adapter" vof_set d0 enable 2
load_ends "disable without an adapter"
check "the adapter is back" rdma link add rxe0 type rxe netdev "$VOF_DEV"
for ((i = 0; i < 50; i++)); do
	vof_set d0 enable 1 >/dev/null && break
	sleep 0.2
done
is "enabled again" "$(vof_get d0 state)" live
barrier "done"
finish
