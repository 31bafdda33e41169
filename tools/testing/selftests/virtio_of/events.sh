#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a target's adapters tell by themselves: a completion queue in error ends its
# connection, and a listener goes along when a bond moves its address.
# kernels: 6.1 6.12
# ci: 6.12
# timeout: 120
. "$(dirname "$0")/lib.sh"

# ---- a completion queue in error ---------------------------------------------

# The third one is that of what the virtqueue receives.
lib=$(type -P vof-small-cq.so)
export VOF_SMALL_CQ=3
# shellcheck disable=SC2016 # for the other shell
vof_listen bash -c 'LD_PRELOAD=$0 exec virtio-of-target "$@"' "$lib" \
	--listen "rdma://$VOF_ADDR" --blk tvqn=disk,mem=16M,queues=1
unset VOF_SMALL_CQ
posts=()
for ((i = 0; i < 64; i++)); do
	posts+=("post:$((8 * i)):$i")
done
check "the virtqueue's connection ends with its queue" \
	act up write:0:1 "${posts[@]}" "<20000 !collect"
check "the log says why" target_says "CQ error, closing the connection" 0
check "others are served" act --ivqn other up write:0:2 read:0:2 down
stop_target

# ---- an address that moves ---------------------------------------------------

check "bonding is there" modprobe bonding max_bonds=0 || finish
addr=10.9.0.1
bond() { vof-act --addr $addr --tvqn disk --ivqn "$1" up write:0:1 read:0:1 down; }
failover() { ip link set bond1 type bond active_slave "$1"; }

ip link add bond1 type bond mode active-backup fail_over_mac active
for i in 1 2; do
	ip link add leg$i type dummy
	ip link set leg$i master bond1
done
ip addr add $addr/24 dev bond1
ip link set bond1 up
failover leg1
rdma link add rxe_bond type rxe netdev bond1
start_target --listen "rdma://$addr" --blk tvqn=disk,mem=16M,queues=1
check "over a bond" bond first
check "the other leg" failover leg2
check "the listener notices" target_says "$addr.*: the address has moved, listening anew"
check "and listens again" target_says "listening on rdma://$addr.* again, by adapter rxe_bond"
check "over the other leg" bond second
check "back again" failover leg1
for ((i = 0; i < 100; i++)); do
	[ "$(grep -c "again, by adapter" "$TARGET_LOG")" != 2 ] || break
	sleep 0.1
done
check "over the first one" bond third
stop_target
rdma link delete rxe_bond

# With an adapter for each leg the address belongs to another one then. Soft-RoCE does
# not receive what came through a bond, so this goes as far as the listener.
rdma link add rxe_leg1 type rxe netdev leg1
rdma link add rxe_leg2 type rxe netdev leg2
listens_on() { rdma resource show cm_id 2>/dev/null | grep "src-addr $addr" | grep -c "link $1/"; }
for ((i = 0; i < 50; i++)); do
	vof_listen virtio-of-target --listen "rdma://$addr" --blk tvqn=disk,mem=16M,queues=1
	[ "$(listens_on rxe_leg1)" = 0 ] || break
	stop_target
	sleep 0.1
done
is "the listener is the first leg's" "$(listens_on rxe_leg1)" 1
check "the other leg" failover leg2
check "the listener has moved along" \
	target_says "listening on rdma://$addr.* again, by adapter rxe_leg2"
is "and is the second leg's" "$(listens_on rxe_leg2)" 1
stop_target
for i in rxe_leg1 rxe_leg2; do
	rdma link delete $i
done
ip link delete bond1
ip link delete leg1
ip link delete leg2
finish
