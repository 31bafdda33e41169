#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Hundreds of devices whose target is silent, all of which try to reconnect at the same
# moment: a device of another target does not wait for them. More devices than the 256
# works that a workqueue runs at a time; to connect them takes an emulated guest minutes.
#
#	silent.sh [DEVICES]
#
# transports: tcp
# kernels: 6.1 6.12
# ci: none
# timeout: 600
# smp: 2
# mem: 2G
. "$(dirname "$0")/lib.sh"

devices=${1:-280}
options=(--listen "$(vof_url "$VOF_ADDR" 7801)" --max-share 100
	--max-connections $((4 * devices + 64)) --max-memory 16G)
for ((i = 0; i < devices; i++)); do
	options+=(--blk "tvqn=disk$i,mem=64K,queues=1,queue-size=2")
done
start_target "${options[@]}"
silent=$TARGET
other()
{
	start_target --listen "$(vof_url "$VOF_ADDR" 7802)" --blk tvqn=other,mem=1M
}
other

# Each of them gives up an attempt after ten seconds, and tries again a second later.
all()
{
	local i
	for ((i = 0; i < devices; i++)); do
		vof_connect "m$i" "tvqn=disk$i" trsvcid=7801 reconnect_delay=1 || return 1
	done
}
check "connect to another target" vof_connect other tvqn=other trsvcid=7802 reconnect_delay=1
check "$devices devices" all

kill -STOP "$silent"
for ((i = 0; i < devices; i++)); do
	vof_set "m$i" reconnect 1
done
kill_target
check "another target is killed" vof_wait_state other recovering
other
within 3 "its device is live again" vof_wait_state other live
states=$(cat "$VOF_CONFIGFS"/m*/state | sort | uniq -c | xargs)
is "none of the others is" "$states" "$devices recovering"

kill -CONT "$silent"
all_live()
{
	local i
	for ((i = 0; i < devices; i++)); do
		vof_wait_state "m$i" live 90 || return 1
	done
}
within 90 "until their target answers" all_live
finish
