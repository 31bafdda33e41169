#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A target with hundreds of disks, and initiators that come at the same moment, as after
# its restart, more than the 128 that its listener once held; then all of them vanish at
# once, and come back.
#
#	crowd.sh [DISKS [INITIATORS [INSTANCES]]]	such as 600 600 2000
#
# An emulated guest takes its time for each of them, hence the long time-outs.
# ci: 6.12
# timeout: 240
# smp: 2
# mem: 2G
. "$(dirname "$0")/lib.sh"

disks=${1:-600}
together=${2:-200}
instances=${3:-0}
options=()
for ((i = 0; i < disks; i++)); do
	options+=(--blk "tvqn=disk$i,file=$VOF_TMP/disk$i,queues=1,queue-size=2,num-descs=1")
done
eval "truncate -s 1M '$VOF_TMP'/disk{0..$((disks - 1))}"
# What a service has without a word of its own; each disk takes several files.
ulimit -S -n 1024
start_target --max-connections 4096 --max-share 100 --connect-timeout 100 \
	--keepalive 100 "${options[@]}"
files=(/proc/"$TARGET"/fd/*)
ok "$disks disks, ${#files[@]} files"

count() { rdma resource show qp | grep -c 'type RC'; }

# gone WHAT N: nothing is left of the N that have vanished, within 30 s, or 50 ms for each: the
# emulated adapter takes half of that to destroy its queue pairs, at both ends.
gone()
{
	local start now limit=$(($2 > 600 ? 50 * $2 : 30000))
	start=$(milliseconds)
	while [ "$(count)" != 0 ]; do
		now=$(($(milliseconds) - start))
		[ $now -lt $limit ] || break
		sleep 0.1
	done
	is "$1: nothing is left of them" "$(count)" 0
	note "after $(($(milliseconds) - start)) ms"
}

for round in "come" "come back"; do
	check "$together initiators $round together" \
		act --tvqn 'disk#' "crowd:$together" || tail -n 3 "$TARGET_LOG" | note
	gone "$round" "$together"
done
if [ "$instances" -gt 0 ]; then
	check "$instances instances of one disk" act --tvqn disk0 "crowd:$instances"
	gone "$instances instances" "$instances"
fi
check "another one is served" act --tvqn disk1 crowd:1
stop_target
finish
