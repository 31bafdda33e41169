#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A disk that is there after each boot, in a whole Debian: from the package to a line in
# fstab. A reboot with the target there; one with a dead target, a mounted disk and dirty
# pages; a boot without the target, which comes later.
# transports: tcp
# nodes: target initiator
# debian: initiator
# timeout: 700
. "$(dirname "$0")/lib.sh"

if on_node target; then
	truncate -s 64M "$VOF_TMP/disk"
	serve_disk() { start_target --blk "tvqn=com.example/disk0,file=$VOF_TMP/disk,serial=disk0"; }
	serve_disk
	barrier up
	barrier kill
	kill_target
	barrier killed
	barrier "wanted"
	serve_disk
	barrier served
	barrier "done"
	finish
fi

by_id=/dev/disk/by-id/virtio-disk0
mounted() { [ "$(findmnt -n -o SOURCE /srv)" = "$(readlink -f $by_id)" ]; }
# How long a unit took to start, which what comes after it had to wait for.
held_ms()
{
	local from to
	from=$(systemctl show -P InactiveExitTimestampMonotonic "$1")
	to=$(systemctl show -P ActiveEnterTimestampMonotonic "$1")
	echo $(((to - from) / 1000))
}

case $VOF_BOOT in
1)
	check "packages" install_packages tools target
	install_modules
	barrier up
	check "the network is up" until_done 60 ping -c 1 -W 1 "$(target_addr)"
	check "connect it for good" vofctl connect --persist disk0 -t tcp -a "$(target_addr)" -n com.example/disk0
	check "it has its name" until_done 10 test -b $by_id
	check "make a file system" mkfs.ext4 -q $by_id
	echo "$by_id /srv ext4 _netdev,nofail 0 2" >>/etc/fstab
	systemctl daemon-reload
	check "mount it" mount /srv
	echo "as written" >/srv/file
	started
	reboot_host
	;;
2)
	login=$(login_s)
	echo "$login" >"$VOF_TMP/login"
	down_s >"$VOF_TMP/down.usual"
	check "mounted by itself" until_done 60 mounted
	note "login after $login s, mounted after $(uptime_s) s"
	is "what was written" "$(cat /srv/file)" "as written"
	check "everything is started" started
	is "the system runs" "$(systemctl is-system-running)" running
	is "the unit knows its disk" "$(systemctl is-active virtio-of@disk0)" active
	dd if=/dev/urandom of=/srv/before bs=1M count=4 2>/dev/null
	sync -f /srv
	sha256sum /srv/before >"$VOF_TMP/sum"
	barrier kill
	barrier killed
	check "the target is missed" until_done 30 grep -q recovering "$VOF_CONFIGFS/disk0/state"
	dd if=/dev/zero of=/srv/lost bs=1M count=8 2>/dev/null
	note "$(grep Dirty: /proc/meminfo)"
	reboot_host
	;;
3)
	login=$(login_s)
	usual=$(cat "$VOF_TMP/login")
	# On a machine that is not emulated the usual is a few seconds.
	down=$(($(down_s) - $(cat "$VOF_TMP/down.usual")))
	check "the dead target held up the shutdown for less than 40 s ($down s)" [ "$down" -lt 40 ]
	# The rest of a boot takes as long as the machine is busy.
	check "its start ends" until_done 60 systemctl -q is-active virtio-of@disk0
	held=$(held_ms virtio-of@disk0)
	check "one can log in" test -n "$login"
	check "and was held up for less than 30 s ($held ms)" [ "$held" -lt 30000 ]
	note "login after $login s, else $usual s"
	check_not "while the disk is not there" test -b $by_id
	check "nothing waits for it any more" started 150
	note "after $(uptime_s) s: $(systemctl is-system-running), unit $(systemctl is-active virtio-of@disk0)"
	barrier wanted
	barrier served
	check "the disk comes by itself" until_done 60 test -b $by_id
	check "and is mounted by itself" until_done 30 mounted
	note "after $(uptime_s) s"
	check "what was synchronised is there" sha256sum -c --quiet "$VOF_TMP/sum"
	is "the unit has its disk" "$(systemctl is-active virtio-of@disk0)" active
	barrier "done"
	finish
	;;
esac
