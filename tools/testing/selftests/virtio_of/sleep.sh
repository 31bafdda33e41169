#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The host sleeps, suspended or hibernated as far as its devices are concerned,
# under load: nothing is lost, and the devices are back when it has woken up.
# timeout: 300
# smp: 2
. "$(dirname "$0")/lib.sh"

[ -w /sys/power/pm_test ] || skip_all "no /sys/power/pm_test in this kernel"
# Wake up again after a moment instead of waiting for somebody.
echo devices >/sys/power/pm_test
echo reboot >/sys/power/disk
truncate -s 64M "$VOF_TMP/image"
start_target --blk "tvqn=disk0,file=$VOF_TMP/image,queues=2" --rng tvqn=rng0
check "connect" vof_connect d0 tvqn=disk0
check "connect an entropy device" vof_connect r0 tvqn=rng0
disk=$(vof_disk d0)

for how in freeze mem disk; do
	grep -qw $how /sys/power/state || {
		skip "$how" "this kernel has only $(cat /sys/power/state)"
		continue
	}
	before=$(vof_get d0 reconnects)
	verified_load "$disk"
	check "$how: sleep and wake up" timeout 60 bash -c "echo $how >/sys/power/state"
	check "$how: the disk is live" vof_wait_state d0 live 15
	check "$how: the entropy device is live" vof_wait_state r0 live 15
	is "$how: by a new link" "$(vof_get d0 reconnects)" $((before + 1))
	verified_load_ends "$how"
	check "$how: random bytes" timeout 10 dd if=/dev/hwrng of=/dev/null bs=64 count=10
done

# Asleep while there is no link anyway.
kill_target
check "recovering" vof_wait_state d0 recovering 10
check "sleep without a link" timeout 60 bash -c "echo freeze >/sys/power/state"
start_target --blk "tvqn=disk0,file=$VOF_TMP/image,queues=2" --rng tvqn=rng0
check "live again" vof_wait_state d0 live 20
check "reads" timeout 10 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct
check "the entropy device is live again" vof_wait_state r0 live 20
echo none >/sys/power/pm_test
finish
