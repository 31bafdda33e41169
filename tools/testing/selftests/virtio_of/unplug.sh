#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One of two adapters of a target is removed: what uses the other one notices nothing,
# and the target serves by both when it is back. Then the only adapter of a target is
# removed that listens on all addresses and has nobody to serve: the target ends, so that
# the adapter's driver need not wait for it, and serves again when it is started again.
# kernels: 6.1 6.12 debug
# quick: yes
# ci: 6.12 debug
. "$(dirname "$0")/lib.sh"

serve_disk() { start_target --listen rdma://0.0.0.0 --blk tvqn=disk,mem=16M,queues=1; }

modprobe dummy numdummies=0
ip link add vof9 type dummy
ip link set vof9 up
ip addr add 198.51.100.1/24 dev vof9
rdma link add rxe9 type rxe netdev vof9
other() { vof-act --addr 198.51.100.1 --tvqn disk --ivqn other up write:8:1 read:8:1 down; }
start_target --listen "rdma://$VOF_ADDR" --listen rdma://198.51.100.1 \
	--blk tvqn=disk,mem=16M,queues=1
check "an initiator by the second adapter" other
vof-act --addr 198.51.100.1 --tvqn disk --ivqn loser up write:8:1 sleep:60000 >/dev/null 2>&1 &
loser=$!
act --tvqn disk --ivqn stays up write:8:1 sleep:12000 write:8:1 read:8:1 down >"$VOF_TMP/stays" 2>&1 &
stays=$!
check "two that stay" target_says 'for "stays"'
check "one by each" target_says 'for "loser"'
rdma link delete rxe9 &
removal=$!
check "the second adapter is removed, and the target says so" \
	target_says "listening again when the address is back"
check "it lets go of it" target_says "RDMA adapter rxe9 has gone"
# whoever else has it open is waited for, too
kill $loser
wait $loser
check "so does its driver" timeout 20 tail --pid=$removal -f /dev/null
check "it is back" rdma link add rxe9 type rxe netdev vof9
check "the target listens there again" target_says "listening on rdma://198.51.100.1 again"
check "and serves" other
wait $stays
is "whoever was served by the first one has not noticed" $? 0 || note <"$VOF_TMP/stays"
check "it is removed once more" timeout 20 rdma link delete rxe9
stop_target
is "the target ends as it was told to" $? 0
ip link delete vof9

serve_disk
check "an initiator comes and goes" act --tvqn disk up write:8:1 read:8:1 down
sleep 3
within 10 "the adapter is removed" rdma link delete rxe0
target_ends
is "the target has ended, to be started again" $? 1
check "it says why" target_says "RDMA adapter .* is removed: ending" 0
check "the adapter is back" rdma link add rxe0 type rxe netdev "$VOF_DEV"
sleep 2
serve_disk
check "and so is the target" act --tvqn disk up write:8:1 read:8:1 down
finish
