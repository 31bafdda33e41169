#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A target that is killed under load and started again serves the same names on
# the same port at once, time after time.
# transports: rdma tcp
# smp: 2
# timeout: 300
. "$(dirname "$0")/lib.sh"

truncate -s 64M "$VOF_TMP/image"
serve=(--listen "$(vof_url "$VOF_ADDR")" --listen "$(vof_url "$VOF_ADDR6")"
	--blk "tvqn=disk0,file=$VOF_TMP/image,queues=2" --rng tvqn=rng0)

start_target "${serve[@]}"
check "connect" vof_connect d0 tvqn=disk0
for round in 1 2 3 4 5; do
	load "$(vof_disk d0)"
	# Only now: soft-RoCE may break a link by itself when the machine is slow.
	vof_set d0 ctrl_loss_tmo 0
	kill_target
	start=$(milliseconds)
	start_target "${serve[@]}"
	took=$(($(milliseconds) - start))
	# shellcheck disable=SC2154 # slower is of lib.sh
	check "round $round: listening again within $((3 * slower)) s ($took ms)" \
		[ $took -lt $((3000 * slower)) ]
	check "round $round: it did not have to wait for its port" \
		[ "$(grep -c waiting "$TARGET_LOG")" = 0 ]
	check "round $round: a new initiator is served" \
		act --tvqn disk0 --ivqn new "<5000 up" write:8:1 read:8:1 down
	load_ends "round $round"
	vof_set d0 enable 0
	vof_set d0 ctrl_loss_tmo 600
	check "round $round: the old one is, by the same names" vof_set d0 enable 1
	check "round $round: and its data is right" vof_fio \
		filename="$(vof_disk d0)" rw=randwrite bs=4k size=16m \
		io_size=1m iodepth=16 verify=crc32c
done

# Orders that come while the connections still are there end them without a
# warning: it is the target that goes.
stop_target
is "SIGTERM: status" $? 0
check_not "SIGTERM: no warning about connections" \
	grep -E "warning: .*closing the connection" "$TARGET_LOG"
finish
