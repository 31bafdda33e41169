#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A whole Debian whose root file system the target serves, connected by what the package
# virtio-of-initramfs put into its initramfs. It comes up though the target comes later; what
# leads to the root is set up once, and stays; nothing takes the root away; a target that is
# restarted and a link that is cut for a minute are waited for, under load. Then a new
# initramfs is made there and booted, as for a new kernel.
# transports: rdma
# nodes: target initiator
# debian: initiator
# guest: --fabric initiator
# timeout: 1200
. "$(dirname "$0")/lib.sh"

if on_node target; then
	serve_root()
	{
		start_target --blk tvqn=com.example/disks:root,file=/dev/vda,serial=root,queues=2
	}
	# Whoever asks where this host is wants to connect.
	knocked() { ip neigh show to 10.0.1.2 | grep -q .; }
	check "the initiator asks before it is served" until_done 300 knocked
	modprobe virtio_blk
	until_done 10 test -b /dev/vda
	serve_root
	barrier up
	barrier restart
	kill_target
	serve_root
	barrier restarted
	barrier cut
	netem loss 100%
	sleep 60
	netem
	barrier mended
	barrier "done"
	stop_target
	modprobe -r virtio_blk
	finish
fi

device=root
by_id=/dev/disk/by-id/virtio-root
state() { cat "$VOF_CONFIGFS/$device/state"; }
addresses() { ip -4 -o addr show dev eth0 | awk '{ print $4 }'; }

# on_fabric: the root is where it should be, and what leads to it is as it should be.
on_fabric()
{
	# udev makes its links anew.
	check "the root has its name" until_done 60 test -b $by_id
	is "the root is on the fabric" \
		"$(readlink -f "$(findmnt -n -o SOURCE /)")" "$(readlink -f $by_id)"
	is "its device is live, for ever" "$(state) $(cat "$VOF_CONFIGFS/$device/ctrl_loss_tmo")" \
		"live -1"
	is "over" "$(cat "$VOF_CONFIGFS/$device/transport")" "$VOF_TRANSPORT"
	check "everything is started" started
	is "the interface was set up once" "$(addresses)" 10.0.1.2/24
	is "networkd keeps it" "$(systemctl is-active systemd-networkd) $(networkctl status eth0 |
		sed -n 's/^ *Network File: //p')" "active /run/systemd/network/00-virtio-of-eth0.network"
	is "ifupdown has set up the others" "$(systemctl is-active networking) $(ifquery --state)" \
		"active lo=lo"
}

# What is written, and what was to be, until somebody takes the file away.
load()
{
	local i=0
	: >"$VOF_TMP/load"
	while [ -e "$VOF_TMP/load" ]; do
		dd if=/dev/urandom of="/var/tmp/load.$((i % 8))" bs=64k count=8 conv=fsync \
			2>/dev/null || return 1
		i=$((i + 1))
		# Whole, whenever it is looked at.
		echo $i >"$VOF_TMP/written.new"
		mv "$VOF_TMP/written.new" "$VOF_TMP/written"
	done
}
written() { cat "$VOF_TMP/written"; }
goes_on() { [ "$(written)" -gt "$before" ]; }

case $VOF_BOOT in
1)
	barrier up
	on_fabric
	like "it waited for the target" "$(dmesg)" "virtio_of: $device: .*nothing listens there"
	check "disconnect --all" vofctl disconnect --all
	vofctl disconnect --force $device 2>/dev/null
	is "disconnect --force" $? 6
	is "both leave it alone" "$(state)" live

	load &
	load=$!
	check "load" until_done 30 test -s "$VOF_TMP/written"
	barrier restart
	barrier restarted
	before=$(written)
	check "a restarted target: the load goes on" until_done 60 goes_on
	barrier cut
	barrier mended
	before=$(written)
	check "a link that was cut for a minute: the load goes on" until_done 90 goes_on
	rm "$VOF_TMP/load"
	wait $load
	is "the load has seen no error" $? 0
	is "nor has the file system" "$(cat /sys/fs/ext4/vda/errors_count)" 0

	kernel=$(uname -r)
	rm "/boot/initrd.img-$kernel"
	check "a new initramfs" update-initramfs -c -k "$kernel"
	cp /vof/bin/vof-kexec /sbin/kexec
	check "load it" kexec "/boot/vmlinuz-$kernel" "/boot/initrd.img-$kernel" "$(cat /proc/cmdline)"
	sync
	reboot_host systemctl --no-block kexec
	;;
2)
	check "down within 60 s ($(down_s) s)" [ "$(down_s)" -lt 60 ]
	on_fabric
	is "no error was found" "$(cat /sys/fs/ext4/vda/errors_count)" 0
	barrier "done"
	finish
	;;
esac
