#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The multipath.conf of the administrator's guide, with udev and multipathd: two paths
# to one disk become one map that fails over and back; a disk of the same name on
# another machine does not become a part of it.
# with: multipath dmsetup
# kernels: 6.12
# ci: 6.12
# timeout: 300
# mem: 1G
. "$(dirname "$0")/lib.sh"

# Word for word what the guide has.
mkdir -p /etc/multipath
awk '/^ *blacklist_exceptions/ { on = 1 }
	on && /^   [^ ]/ { exit }
	on' /vof/admin-guide.rst >/etc/multipath.conf
check "the guide has a multipath.conf" grep -q path_checker /etc/multipath.conf

path_state() { multipathd show paths raw format "%d %t %o %T" 2>/dev/null | grep "^$(basename "$1") "; }
maps() { dmsetup ls --target multipath 2>/dev/null | sed -n 's/^\([^ \t]*\)[ \t].*/\1/p'; }
paths() { dmsetup deps -o devname "$1" | grep -o '(vd[a-z]*)' | tr -d '()\n'; }
ready() { [[ $(path_state "$1") = *" active "*" ready" ]]; }
is_down() { [[ $(path_state "$1") = *" failed "* ]]; }
some_map() { [ -n "$(maps)" ] && [ "$(paths "$(maps)" | wc -c)" = 6 ]; }
word() { timeout 60 dd if="$1" bs=4k count=1 iflag=direct 2>/dev/null | head -c 5; }

mkdir -p /run/udev
/usr/lib/systemd/systemd-udevd --daemon || bail "no udev"
udevadm trigger --action=add --subsystem-match=block
modprobe -a dm-multipath dm-service-time || bail "no dm-multipath"

truncate -s 16M "$VOF_TMP"/{disk,stranger}
echo "first" | dd of="$VOF_TMP/disk" conv=notrunc 2>/dev/null
echo "other" | dd of="$VOF_TMP/stranger" conv=notrunc 2>/dev/null

# serve PORT FILE: by the same name.
serve_at()
{
	start_target --listen "rdma://$VOF_ADDR:$1" --blk "tvqn=disk,file=$2,readonly,queues=1"
}
serve_at 8549 "$VOF_TMP/disk"
one=$TARGET
serve_at 8550 "$VOF_TMP/disk"
two=$TARGET
id=$(cat /etc/machine-id)
echo "${id//[0-7]/9}" >/etc/machine-id
# On its own machine the file is called alike.
mkdir -p "$VOF_TMP/elsewhere"
mount --bind "$VOF_TMP/stranger" "$VOF_TMP/disk"
serve_at 8551 "$VOF_TMP/disk"
# It is still open there.
umount -l "$VOF_TMP/disk"
echo "$id" >/etc/machine-id

path=(tvqn=disk fast_io_fail_tmo=1 reconnect_delay=1)
check "a path" vof_connect p1 "${path[@]}"
check "another one" vof_connect p2 "${path[@]}" trsvcid=8550 ivqn=two
check "another disk" vof_connect other "${path[@]}" trsvcid=8551
p1=$(vof_disk p1)
p2=$(vof_disk p2)
other=$(vof_disk other)
udevadm settle
is "udev names it" "$(readlink -f /dev/disk/by-id/virtio-*"$(cat "/sys/block/${other#/dev/}/serial")")" "$other"
multipathd -d -s >"$VOF_TMP/multipathd" 2>&1 &
daemon=$!
check "there is a map of two paths" until_done 40 some_map ||
	{ tail -n 20 "$VOF_TMP/multipathd" | note; multipath -v3 -ll 2>&1 | tail -n 40 | note; }
map=/dev/mapper/$(maps)
like "of these two" "$(paths "$(maps)")" "^(${p1#/dev/}${p2#/dev/}|${p2#/dev/}${p1#/dev/})$"
is "it reads the disk" "$(word "$map")" first
is "the other disk is not part of it" "$(word "$other")" other

check "both paths are ready" until_done 40 ready "$p1"
kill_target "$one"
check "one path is lost" vof_wait_state p1 recovering
is "the map reads on" "$(word "$map")" first
check "the path is down" until_done 40 is_down "$p1"
is "and the map reads" "$(word "$map")" first
serve_at 8549 "$VOF_TMP/disk"
check "it is back" vof_wait_state p1 live 60
check "multipathd takes it back" until_done 40 ready "$p1"

check "both paths are ready" until_done 40 ready "$p2"
kill_target "$two"
check "the other path is lost" vof_wait_state p2 recovering
check "it is down" until_done 40 is_down "$p2"
is "the map reads through the first one" "$(word "$map")" first
serve_at 8550 "$VOF_TMP/disk"
check "it is back, too" vof_wait_state p2 live 60
check "and taken back" until_done 40 ready "$p2"
is "still two paths" "$(paths "$(maps)" | wc -c)" 6

multipathd shutdown >/dev/null
wait $daemon
check "the map can be removed" until_done 40 dmsetup remove --retry "${map##*/}"
udevadm settle
udevadm control --exit
finish
