#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What README and guide tell people to type on a host with systemd, from their own text, in
# a whole Debian that is target and initiator at once: packages, the target and its unit,
# the control socket, devices at boot, a name for the host, what there is to see. Nothing
# but addresses, sizes and files that are elsewhere here is replaced.
# transports: tcp
# nodes: target initiator
# debian: initiator
# timeout: 400
. "$(dirname "$0")/lib.sh"

if on_node target; then
	barrier "done"
	finish
fi

guide=/vof/admin-guide.rst
# block FILE REGEX: the indented block that has such a line, without indentation.
block()
{
	awk -v wanted="$2" '
		function out() { if (found && !printed) { printf "%s", text; printed = 1 } }
		/^   / || (/^$/ && text) { text = text substr($0, 4) "\n"; if ($0 ~ wanted) found = 1; next }
		{ out(); text = ""; found = 0 }
		END { out() }' "$1" | sed '/^$/d; s/^ //'
}
# types WHAT FILE REGEX [SED]: all of the block does what it says.
types()
{
	block "$2" "$3" | sed -E "s/192\.0\.2\.1/$VOF_ADDR/; ${4-}" >"$VOF_TMP/block"
	check "$1: the text has it" grep -q . "$VOF_TMP/block"
	check "$1" bash -e -o pipefail "$VOF_TMP/block"
}
# installs WHAT REGEX FILE [SED]: the block is a file.
installs()
{
	mkdir -p "${3%/*}"
	block $guide "$2" | sed -E "s/192\.0\.2\.1/$VOF_ADDR/; ${4-}" >"$3"
	check "$1: the text has it" grep -q . "$3"
}

export DEBIAN_FRONTEND=noninteractive
types "apt" $guide '^   make deb' \
	"/make deb/d; s/apt install/apt-get -q -y install/; s,\./build/deb/virtio-of-dkms\S*,,
	s,\./build/deb,/vof/debs,; s/linux-headers-amd64//"
install_modules
until_done 60 ping -c 1 -W 1 "$VOF_ADDR" >/dev/null

# ---- the target -------------------------------------------------------------

check "the target waits for its file" test "$(systemctl is-active virtio-of-target)" = inactive
block /vof/README.md 'fallocate' | sed -E "s/192\.0\.2\.1/$VOF_ADDR/; /scripts.setup|make /d
	s/10G/64M/; s,build/target/,,; \$s/$/ \&/" >"$VOF_TMP/block"
. "$VOF_TMP/block"
readme=$!
listens() { ss -Hltn "sport = :8549" | grep -q .; }
check "README's target listens" until_done 20 listens
types "vofctl" /vof/README.md 'vofctl connect disk0' '/scripts.setup|make |apt /d'
is "README's disk is live" "$(cat "$VOF_CONFIGFS/disk0/state")" live
types "what a device says" $guide 'grep . /sys/block/vda/device/vof'
like "its name" "$(bash "$VOF_TMP/block")" "vof/name:disk0"
types "what udev says" $guide 'udevadm monitor' 's/.*/timeout 3 & || [ $? = 124 ]/'
types "tracing" $guide 'tracing/trace_pipe' 's/^cat.*/timeout 3 & || [ $? = 124 ]/'
echo 0 >/sys/kernel/tracing/events/virtio_of/enable
mkdir -p /var/lib/prometheus/node-exporter
types "metrics" $guide 'vofctl stats -o prometheus'
like "of this disk" "$(cat /var/lib/prometheus/node-exporter/virtio_of.prom)" 'virtio_of_device_live.*name="disk0".* 1'
check "the configuration of the target lies there" mkdir -p /etc/virtio-of/target.conf.d
vofctl disconnect disk0
types "unload" $guide 'rmmod virtio_of_tcp virtio_of '
check_not "unloaded" test -e /sys/module/virtio_of
kill "$readme"
wait "$readme"

# ---- a first disk -----------------------------------------------------------

installs "a first target.conf" '^   .blk com.example/disk0.' /etc/virtio-of/target.conf
types "serve it" $guide 'virtio-of-target --check' 's/10G/64M/'
like "it is served" "$(vofctl target status)" 'com.example/disk0 .*served'
types "connect it" $guide '^   vofctl connect --persist disk0' 's/^mkfs.ext4/& -q/'
serial=$(cat /sys/block/vda/serial)
block $guide '_netdev,nofail' | sed "s/virtio-vof-[0-9a-f]*/virtio-$serial/" >>/etc/fstab
types "mount it" $guide '^   mount /srv' 's/^vofctl monitor.*/timeout 3 vofctl monitor || [ $? = 124 ]/'
is "it is mounted" "$(findmnt -n -o SOURCE /srv)" /dev/vda
sed -i '/_netdev/d' /etc/fstab
types "be rid of it" $guide '^   umount /srv'
check_not "it is gone" test -e "$VOF_CONFIGFS/disk0"
check "stop its target" systemctl disable --now virtio-of-target

# ---- all that a target can be told ------------------------------------------

truncate -s 64M /srv/disk1.img /srv/disk.img /srv/disk2.img
installs "target.conf" '\[blk com.example/disk1\]' /etc/virtio-of/target.conf \
	'/^url = rdma/d; s,/dev/vg0/disk0,/srv/disk.img,; /^allow/d'
types "check it" $guide '^   virtio-of-target --check --config [^ ]*$'
types "the unit" $guide 'it starts when there is that file'
is "it is there" "$(systemctl is-active virtio-of-target)" active
like "it says what it serves" "$(systemctl show -P StatusText virtio-of-target)" "Serving 3 of 3 devices"
types "the control socket" $guide 'vofctl target add blk' 's,/dev/vg0/disk2,/srv/disk2.img,'
printf '[blk x]\nmem = 1X\n' >/etc/virtio-of/target.conf.d/wrong.conf
said=$(systemctl reload virtio-of-target 2>&1)
is "a wrong file: reload fails" $? 1
like "as the guide says" "$said" "$(block $guide '# systemctl reload' | sed -n 2p)"
journalctl --sync
block $guide '# systemctl reload' | sed -n 's/^# journalctl/journalctl --no-pager/p' >"$VOF_TMP/block"
like "the journal has why" "$(bash "$VOF_TMP/block")" \
	'virtio-of-target\[[0-9]+\]: error: .*wrong.conf:2: mem: "1X" is not a size'
rm /etc/virtio-of/target.conf.d/wrong.conf

# ---- the initiator ----------------------------------------------------------

installs "initiator.conf" '^   \[device disk0\]' /etc/virtio-of/initiator.conf
types "connect at boot" $guide 'systemctl start virtio-of.target'
check "the disk is there" until_done 30 systemctl -q is-active virtio-of@disk0
serial=$(cat /sys/block/vda/serial)
mkfs.ext4 -q "/dev/disk/by-id/virtio-$serial"
block $guide 'virtio-<serial>.*_netdev' | sed "s/<serial>/$serial/" >>/etc/fstab
systemctl daemon-reload
check "the line of fstab mounts it" mount /srv
installs "a disk for libvirt" '<disk type="block"' "$VOF_TMP/disk.xml" "/<disk/,/<\/disk>/!d"
cat >"$VOF_TMP/domain.xml" <<-END
	<domain type="test"><name>vof</name><memory>65536</memory><os><type>hvm</type></os>
	<devices>$(cat "$VOF_TMP/disk.xml")</devices></domain>
END
check "it is valid" virt-xml-validate "$VOF_TMP/domain.xml" domain
check "libvirt takes it" virsh -q -c test:///default define "$VOF_TMP/domain.xml"
disk=$(sed -n "s/.*source dev=['\"]\([^'\"]*\).*/\1/p" "$VOF_TMP/disk.xml")
is "its disk is this one" "$(readlink -f "$disk")" /dev/vda
check "stop it" systemctl stop srv.mount virtio-of@disk0
sed -i '/_netdev/d' /etc/fstab
# What stands behind a # is typed.
block $guide '# vofctl ivqn new' | sed -n 's/^# //p' >"$VOF_TMP/block"
check "the name of the host" bash -e "$VOF_TMP/block"
is "is the new one" "$(vofctl ivqn)" com.example/db1
check "stop all" systemctl stop virtio-of.target virtio-of-target
barrier "done"
finish
