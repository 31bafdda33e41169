#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The adapter of a target is removed that listens on all addresses and has nobody to
# serve: the target ends, so that the adapter's driver need not wait for it, and serves
# again when it is started again.
# kernels: 6.1 6.12 debug
# quick: yes
# ci: debug
. "$(dirname "$0")/lib.sh"

serve_disk() { start_target --listen rdma://0.0.0.0 --blk tvqn=disk,mem=16M,queues=1; }

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
