#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A target that breaks every link, in any of several ways, while the device waits
# for it without a limit: it is tried again at the rate of the back-off and no
# faster, the log stays short, the device can be removed, and lives when a good
# target takes the place of the bad one.
#
#	hostile.sh [SECONDS [BEHAVIOUR...]]	for each of them
# idle: yes
# ci: 6.12
# timeout: 420
. "$(dirname "$0")/lib.sh"

span=${1:-20}
[ $# = 0 ] || shift
# While it connects, refused and wrong; and each time when it is live.
[ $# -gt 0 ] || set -- close-at=connect twice=control eager=wrap close-at=request \
	write=key
port=7000

lines() { vof_log | grep -c 'virtio_of'; }

# User and system time of everything, in hundredths of a second.
busy() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }

start_bad_target good $port
check "connect" vof_connect d0 "trsvcid=$port" tvqn=bad ctrl_loss_tmo=-1 \
	reconnect_delay=1
disk=$(vof_disk d0)

# A request at TRIGGER of vof-bad-target waits all the time: what breaks links by
# requests breaks them at once.
for way; do
	kill_target
	start_bad_target "$way" $port
	timeout 120 dd if="$disk" of=/dev/null bs=4k count=1 skip=1024 \
		iflag=direct 2>"$VOF_TMP/dd" &
	reader=$!
	vof_wait_state d0 recovering 10 || not_ok "$way: recovering"
	before=$(vof_get d0 attempts)
	log=$(lines)
	cpu=$(busy)
	sleep "$span"
	cpu=$(($(busy) - cpu))
	attempts=$(($(vof_get d0 attempts) - before))
	log=$(($(lines) - log))
	note "$way: $attempts attempts, $log lines, busy for $cpu of $((span * 100)) ticks"
	check "$way: $attempts attempts in $span s" \
		[ $attempts -ge $((span / 3)) -a $((attempts * 2)) -lt $((span * 5)) ]
	# The driver's limit is 10 in 5 s, one of which says how many there were.
	check "$way: $log lines in the log" [ "$log" -le $((span * 11 / 5 + 22)) ]
	check "$way: the read waits" kill -0 $reader
	kill_target
	start_bad_target good $port
	check "$way: a good target: live" vof_wait_state d0 live 10
	wait $reader
	is "$way: the read succeeds" $? 0
	check "$way: and writes" timeout 20 dd if=/dev/zero of="$disk" bs=64k \
		count=16 oflag=direct
done

# Taken down in this state.
for way in close-at=connect silent-at=get-feature unknown-id=vq; do
	kill_target
	start_bad_target "$way" $port
	timeout 60 dd if="$disk" of=/dev/null bs=4k count=1 skip=1024 \
		iflag=direct 2>"$VOF_TMP/dd" &
	reader=$!
	sleep 3
	within 5 "$way: disable" vof_set d0 enable 2
	wait $reader
	is "$way: the read fails" $? 1
	kill_target
	start_bad_target good $port
	check "$way: enabled again" vof_set d0 enable 1
	disk=$(vof_disk d0)
	check "$way: and works" timeout 20 dd if="$disk" of=/dev/null bs=64k \
		count=16 iflag=direct
done
finish
