#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Hosts that go down with devices under load: the one whose target is well says
# goodbye, the one whose target is frozen does not wait for it.
# transports: rdma tcp
# nodes: healthy frozen target
# idle: yes
# timeout: 200
. "$(dirname "$0")/lib.sh"

if ! on_node target; then
	barrier up
	check "connect" vof_connect d0 "tvqn=disk-$VOF_NODE" "trsvcid=$(
		on_node healthy && echo 8549 || echo 8550)"
	load "$(vof_disk d0)"
	kill -0 "$LOAD" || bail "no load"
	barrier loaded
	barrier down
	# It is for the other side to tell what comes now.
	echo "leave" >&9
	busybox reboot -f
	sleep 60
fi

# gone NODE: its network answers no more; prints how long that took, in ms.
gone()
{
	local start
	start=$(milliseconds)
	while ping -c 1 -W 1 "$(node_addr "$1")" >/dev/null; do
		[ $(($(milliseconds) - start)) -lt 60000 ] || return 1
	done
	echo $(($(milliseconds) - start))
}

start_target --listen "$(vof_url "$VOF_ADDR" 8549)" --blk tvqn=disk-healthy,mem=64M --keepalive 60
healthy=$TARGET_LOG
start_target --listen "$(vof_url "$VOF_ADDR" 8550)" --blk tvqn=disk-frozen,mem=64M --keepalive 60
barrier up
barrier loaded
kill -STOP "$TARGET"
barrier down
# ping's last packet may take a second.
ms=$(gone healthy)
# shellcheck disable=SC2154 # slower is of lib.sh
check "the host of the healthy target is down within $((6 * slower)) s ($ms ms)" [ "${ms:-99999}" -lt $((6000 * slower)) ]
ms=$(gone frozen)
check "so is the host of the frozen one ($ms ms)" [ "${ms:-99999}" -lt $((6000 * slower)) ]
for ((i = 0; i < 20; i++)); do
	grep -q "is gone" "$healthy" && break
	sleep 0.1
done
like "the healthy target was told" "$(cat "$healthy")" "instance [0-9]+ of disk-healthy .* is gone"
note <"$healthy"
kill -CONT "$TARGET"
finish
