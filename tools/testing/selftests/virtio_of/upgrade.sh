#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The tools' package in a whole Debian while a disk is written to: a newer one, removal,
# installed again. The link is not lost, nor is a write, and the host keeps its name until
# purge. What DKMS makes of modules is scripts/check-packages's.
# transports: tcp
# nodes: target initiator
# debian: initiator
# timeout: 400
. "$(dirname "$0")/lib.sh"

if on_node target; then
	truncate -s 64M "$VOF_TMP/disk"
	serve --blk "tvqn=disk0,file=$VOF_TMP/disk,serial=disk0"
fi

by_id=/dev/disk/by-id/virtio-disk0
state() { cat "$VOF_CONFIGFS/disk0/"{state,device,reconnects} | tr '\n' ' '; }
# Lines that are on the disk are noted elsewhere.
writer()
{
	local i
	for ((i = 1; ; i++)); do
		echo "line $i" >>/srv/lines || break
		sync -d /srv/lines || break
		echo "$i" >"$VOF_TMP/written.new"
		mv "$VOF_TMP/written.new" "$VOF_TMP/written"
		[ ! -e "$VOF_TMP/enough" ] || break
	done
}
written() { cat "$VOF_TMP/written"; }
# goes_on WHAT: lines are written, on the link that there was.
goes_on()
{
	local before
	before=$(written)
	more() { [ "$(written)" -gt "$before" ]; }
	check "$1: it is written on" until_done 30 more
	is "$1: on the same link" "$(state)" "$link"
}
# newer PACKAGE: the same as a version that comes later.
newer()
{
	rm -rf "$VOF_TMP/deb"
	dpkg-deb -R /vof/debs/virtio-of-"$1"_*.deb "$VOF_TMP/deb"
	sed -i "s/^Version: .*/&+later/" "$VOF_TMP/deb/DEBIAN/control"
	dpkg-deb -Znone -b "$VOF_TMP/deb" "$VOF_TMP/later.deb"
	DEBIAN_FRONTEND=noninteractive dpkg -i "$VOF_TMP/later.deb"
}
version() { dpkg-query -W -f '${Version}' "$1"; }

install_packages tools >/dev/null || bail "no packages"
name=$(vofctl ivqn)
install_modules
barrier up
until_done 60 ping -c 1 -W 1 "$(target_addr)" >/dev/null || bail "no network"
check "connect" vofctl connect --persist disk0 -t tcp -a "$(target_addr)" -n disk0
mkfs.ext4 -q $by_id
mount $by_id /srv || bail "no file system"
link=$(state)
writer &
writer=$!
until_done 20 test -e "$VOF_TMP/written"
goes_on "before"
check "newer tools" newer tools
like "they are" "$(version virtio-of-tools)" "\+later$"
is "the name stays" "$(vofctl ivqn)" "$name"
goes_on "newer tools"
check "remove the tools" dpkg -r virtio-of-tools
goes_on "removed"
check "the host keeps its name" test -s /etc/virtio-of/ivqn
check "install them again" install_packages tools
is "the name is the old one" "$(vofctl ivqn)" "$name"
goes_on "installed again"
check "purge" dpkg -P virtio-of-tools
goes_on "purged"
is "no name is left" "$(find /etc/modprobe.d /etc/virtio-of -name 'virtio-of.conf' -o -name ivqn 2>/dev/null)" ""
touch "$VOF_TMP/enough"
wait $writer
is "nothing is missing" "$(wc -l </srv/lines)" "$(written)"
check "what people have configured stays" test -s /etc/virtio-of/initiator.conf.d/disk0.conf
umount /srv
check "disconnect by hand" vof_disconnect disk0
check "install them once more" install_packages tools
check_not "a host that was purged has another name" test "$(vofctl ivqn)" = "$name"
barrier "done"
finish
