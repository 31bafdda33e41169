#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An initiator that vanishes without a word, as one that lost its power: the
# target notices by its keepalive and takes everything back, while others are
# served; and a new Connect under the same names is served at once, from
# wherever it comes.
# transports: rdma tcp
# nodes: target initiator
# idle: yes
# timeout: 240
. "$(dirname "$0")/lib.sh"

# Nothing leaves this guest any more, or everything does.
cut() { netem loss 100%; }
mend() { netem; }

if on_node initiator; then
	netem
	barrier up
	for round in keepalive fence; do
		vof-act --addr "$(vof_url "$(target_addr)")" --tvqn disk --ivqn lost \
			up write:8:1 sleep:90000 >"$VOF_TMP/act" 2>&1 &
		act=$!
		for ((i = 0; i < 200; i++)); do
			grep -q "write:8:1" "$VOF_TMP/act" && break
			sleep 0.1
		done
		check "$round: connected" grep -q "write:8:1: yes" "$VOF_TMP/act"
		barrier "connected $round"
		cut
		barrier "cut $round"
		barrier "seen $round"
		kill $act
		wait $act 2>/dev/null
		mend
	done
	vof_reach_target
	check "back again, under the same names" act --tvqn disk --ivqn lost \
		"<5000 up" read:8:2 write:8:3 read:8:3 down
	barrier "done"
	finish
fi

vanished="no answer from the peer"
pinned() { grep VmPin "/proc/$TARGET/status"; }

start_target --keepalive 3 --blk tvqn=disk,mem=16M,queues=1 \
	--blk tvqn=other,mem=16M,queues=1
# What the target keeps of an adapter that it has used is there before it is counted.
check "an initiator comes and goes" act --tvqn other --ivqn first up down
for ((i = 0; i < 100; i++)); do
	[ "$(connections)" != 0 ] || break
	sleep 0.1
done
before=$(vof_resources)
pin=$(pinned)
barrier up

barrier "connected keepalive"
is "two connections for the initiator" "$(connections)" 2
barrier "cut keepalive"
start=$(milliseconds)
act --tvqn other --ivqn here up load:14000 >"$VOF_TMP/load" &
load=$!
check "the instance is ended" target_says "instance . of disk for .*lost.* is gone" 20
took=$(($(milliseconds) - start))
# shellcheck disable=SC2154 # slower is of lib.sh
check "within twice the keepalive and some seconds ($took ms)" [ $took -lt $((11000 * slower)) ]
check "the reason is in the log" target_says \
	"(keepalive cannot be delivered|send: transport retry counter exceeded|$vanished), closing" 0
wait $load
is "others are served meanwhile" $? 0
note <"$VOF_TMP/load"
read -r _ _ _ _ worst _ < <(grep writes "$VOF_TMP/load")
check "and do not wait: the slowest write took $worst ms" [ "$worst" -lt $((4000 * slower)) ]
for ((i = 0; i < 50; i++)); do
	[ "$(vof_resources)" != "$before" ] || break
	sleep 0.1
done
is "connections are as before" "$(vof_resources)" "$before"
is "and so is pinned memory" "$(pinned)" "$pin"
barrier "seen keepalive"

barrier "connected fence"
is "two connections for the initiator" "$(connections)" 2
barrier "cut fence"
check "the same names from elsewhere are served at once" \
	act --tvqn disk --ivqn lost "<3000 up" read:8:1 write:8:2 down
check "the half-open instance was ended for it" \
	target_says "its initiator has connected again, closing" 0
for ((i = 0; i < 50; i++)); do
	[ "$(vof_resources)" != "$before" ] || break
	sleep 0.1
done
is "connections are as before" "$(vof_resources)" "$before"
barrier "seen fence"
barrier "done"
finish
