#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The host sleeps, suspended or hibernated, as far as pm_test takes it, and loses
# processors, under load and without a link: nothing is lost, nothing hangs, and the
# devices are back when it has woken up. What cannot be drained keeps it awake. The
# target is elsewhere, as it would be frozen with the rest of user space.
# transports: rdma tcp
# nodes: target initiator
# idle: yes
# timeout: 400
# smp: 2
. "$(dirname "$0")/lib.sh"

[ -w /sys/power/pm_test ] || skip_all "no /sys/power/pm_test in this kernel"
outages="processor idle reader writeback"

if on_node target; then
	start() { start_target --blk tvqn=disk0,file="$VOF_TMP/image",queues=2 --rng tvqn=rng0; }
	truncate -s 64M "$VOF_TMP/image"
	start
	barrier up
	for o in $outages; do
		barrier "$o begins"
		kill_target
		barrier "$o ends"
		start
	done
	barrier "done"
	finish
fi

barrier up
# Wake up again after a moment instead of waiting for somebody.
delay=/sys/module/suspend/parameters/pm_test_delay
[ ! -w $delay ] || echo 1 >$delay
echo reboot >/sys/power/disk

# sleep_to STATE LEVEL: as far as a level of pm_test, and back.
sleep_to()
{
	echo "$2" >/sys/power/pm_test &&
		timeout 120 bash -c "echo $1 >/sys/power/state"
}

# sleeps STATE LEVEL: under load.
sleeps()
{
	local how="$1 ($2)" before
	if ! grep -qw "$1" /sys/power/state || ! grep -qw "$2" /sys/power/pm_test; then
		skip "$how" "not in this kernel"
		return
	fi
	before=$(vof_get d0 reconnects)
	verified_load "$disk"
	check "$how: sleep and wake up" sleep_to "$1" "$2"
	check "$how: the disk is live" vof_wait_state d0 live 15
	check "$how: the entropy device is live" vof_wait_state r0 live 15
	is "$how: by a new link" "$(vof_get d0 reconnects)" $((before + 1))
	is "$how: both processors are back" "$(cat /sys/devices/system/cpu/online)" 0-1
	verified_load_ends "$how"
	check "$how: random bytes" timeout 10 dd if=/dev/hwrng of=/dev/null bs=64 count=10
}

check "connect" vof_connect d0 tvqn=disk0
check "connect an entropy device" vof_connect r0 tvqn=rng0
disk=$(vof_disk d0)
is "the disk has a queue for each processor" \
	"$(cd "/sys/block/${disk#/dev/}/mq" && echo ?)" "0 1"

# outage WHICH: the target is gone.
outage()
{
	barrier "$1 begins"
	check "$1: recovering" vof_wait_state d0 recovering 10
}

# over WHICH: it is back.
over()
{
	barrier "$1 ends"
	check "$1: live again" vof_wait_state d0 live 20
	check "$1: the entropy device is live again" vof_wait_state r0 live 20
	check "$1: reads" timeout 10 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct
}

# reader PROCESSOR: a request in the queue of one processor.
reader()
{
	taskset -c "$1" dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct \
		2>"$VOF_TMP/reader" &
	READER=$!
	for ((i = 0; i < 100; i++)); do
		[ "$(awk '{ print $1 + $2 }' "/sys/block/${disk#/dev/}/inflight")" = 0 ] ||
			return 0
		sleep 0.1
	done
	not_ok "a reader waits"
}

sleeps freeze devices
sleeps mem processors
sleeps mem core
sleeps disk core

# Processors that go and come under load, with a link.
cpu=/sys/devices/system/cpu/cpu1/online
verified_load "$disk"
for i in 1 2 3; do
	check "load: the second processor goes" timeout 60 bash -c "echo 0 >$cpu"
	sleep 1
	check "load: and comes back" timeout 60 bash -c "echo 1 >$cpu"
done
verified_load_ends "a processor goes and comes"

# Without a link one waits for the requests of its queue, and no longer.
outage processor
reader 1
bash -c "echo 0 >$cpu" &
goes=$!
sleep 2
check "a processor that has a request waits for it" kill -0 $goes
over processor
check "it is gone then" wait $goes
check "the read has succeeded" wait $READER
check "and it comes back" timeout 60 bash -c "echo 1 >$cpu"

# Asleep while there is no link anyway.
outage idle
check "sleep without a link" sleep_to mem processors
over idle

# A reader that waits cannot be frozen; one that is not to wait can.
outage reader
reader 1
is "nothing bad in the log so far" "$(vof_bad_lines)" ""
limit=$(cat /sys/power/pm_freeze_timeout)
echo 2000 >/sys/power/pm_freeze_timeout
check_not "with a reader that waits the host does not sleep" sleep_to mem processors
echo "$limit" >/sys/power/pm_freeze_timeout
# The kernel has shown the stack of who does not freeze.
vof_mark "after the freezer"
check "the reader still waits" kill -0 $READER
vof_set d0 fast_io_fail_tmo 0
check_not "fast_io_fail_tmo: the read fails" wait $READER
check "fast_io_fail_tmo: the host sleeps" sleep_to mem processors
vof_set d0 fast_io_fail_tmo -1
over reader

# What the kernel itself writes is not frozen: it keeps the host awake, in words.
outage writeback
if [ ! -w /sys/power/sync_on_suspend ]; then
	over writeback
else
	echo 0 >/sys/power/sync_on_suspend
	echo 10 >/proc/sys/vm/dirty_writeback_centisecs
	echo 10 >/proc/sys/vm/dirty_expire_centisecs
	dd if=/dev/urandom of="$VOF_TMP/dirty" bs=64k count=16 2>/dev/null
	exec 8<>"$disk"
	dd if="$VOF_TMP/dirty" bs=64k count=16 status=none >&8
	for ((i = 0; i < 100; i++)); do
		[ "$(awk '{ print $2 }' "/sys/block/${disk#/dev/}/inflight")" = 0 ] || break
		sleep 0.1
	done
	is "writeback: the host does not sleep" \
		"$(vof_errno "$(sleep_to mem processors 2>&1)")" EBUSY
	like "writeback: the log says why" "$(vof_log)" \
		"the host cannot sleep: requests were not answered within 20 s, the device is recovering"
	over writeback
	check "writeback: the host sleeps" sleep_to mem processors
	check "writeback: live" vof_wait_state d0 live 20
	check "writeback: sync" timeout 60 sync "$disk"
	exec 8>&-
	dd if="$disk" of="$VOF_TMP/read" bs=64k count=16 iflag=direct status=none
	check "writeback: what was written is there" cmp "$VOF_TMP/dirty" "$VOF_TMP/read"
	echo 1 >/sys/power/sync_on_suspend
fi
echo none >/sys/power/pm_test
barrier "done"
finish
