#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Who holds a disk, in a whole Debian with udev: LVM, md, btrfs over two disks, device
# mapper, swap, a partition. vofctl disconnect is busy, and names each of them; --force
# takes the disk away all the same. What udev says of a disk and of its partitions.
# transports: tcp
# nodes: target initiator
# debian: initiator
# timeout: 400
. "$(dirname "$0")/lib.sh"

if on_node target; then
	truncate -s 128M "$VOF_TMP"/disk{0,1}
	serve --blk "tvqn=disk0,file=$VOF_TMP/disk0,serial=one" \
		--blk "tvqn=disk1,file=$VOF_TMP/disk1,serial=two"
fi

one=/dev/disk/by-id/virtio-one
two=/dev/disk/by-id/virtio-two

# held WHAT NAME TEXT...: disconnect is busy, says each of these, and the disk stays.
held()
{
	local what=$1 name=$2 said status text
	shift 2
	said=$(vofctl disconnect "$name" 2>&1)
	status=$?
	is "$what: busy" $status 6
	for text; do
		like "$what: who it is" "$said" "$text"
	done
	is "$what: it stays" "$(cat "$VOF_CONFIGFS/$name/state")" live
}

install_packages tools >/dev/null || bail "no packages"
install_modules
barrier up
until_done 60 ping -c 1 -W 1 "$(target_addr)" >/dev/null || bail "no network"
check "connect" vofctl connect disk0 -t tcp -a "$(target_addr)" -n disk0
check "and another one" vofctl connect disk1 -t tcp -a "$(target_addr)" -n disk1
v0=$(readlink -f $one)
v1=$(readlink -f $two)

# ---- udev -------------------------------------------------------------------

property() { udevadm info -q property --property "$2" --value "$1"; }
is "its name" "$(property "$v0" ID_VOF_NAME)" disk0
is "its target" "$(property "$v0" ID_VOF_TVQN)" disk0
is "its host" "$(property "$v0" ID_VOF_IVQN)" "$(vofctl ivqn)"
is "its fabric" "$(property "$v0" ID_VOF_TRANSPORT)" tcp
is "by-path" "$(readlink -f /dev/disk/by-path/vof-disk1)" "$v1"
echo 'start=2048, size=8192' | sfdisk -q "$two" || bail "no partition"
check "a partition has its link" until_done 20 test -b /dev/disk/by-path/vof-disk1-part1
is "to itself" "$(readlink -f /dev/disk/by-path/vof-disk1-part1)" "${v1}1"
is "it is of the disk" "$(property "${v1}1" ID_VOF_NAME)" disk1
mkfs.ext4 -q "${v1}1" && mount "${v1}1" /mnt
held "a partition" disk1 "disk1: ${v1}1 is mounted at /mnt"
umount /mnt
wipefs -q -a "$two"
check "the partition is gone" until_done 20 blockdev --rereadpt "$two"
until_done 20 test ! -e "${v1}1"

# ---- what is made of disks --------------------------------------------------

check "LVM" vgcreate -q -y vg $one
check "a volume" lvcreate -q -y -W n -n data -L 64M vg
held "LVM" disk0 "$v0 is part of the LVM volume vg-data \(dm-[0-9]+\)"
mkfs.ext4 -q /dev/vg/data && mount /dev/vg/data /mnt
held "LVM, mounted" disk0 "is part of the LVM volume vg-data" "dm-[0-9]+ is mounted at /mnt"
umount /mnt
check "a volume group that is not active holds nothing" vgchange -q -a n vg
check "disconnect it" vofctl disconnect disk0
check "connect it again" vofctl connect disk0 -t tcp -a "$(target_addr)" -n disk0
check "udev finds the volume group" until_done 30 test -e /dev/vg/data
check "take it apart" vgremove -q -y vg
pvremove -q $one >/dev/null 2>&1
v0=$(readlink -f $one)

check "md" mdadm --quiet --create /dev/md0 --run --level=1 --metadata=1.2 --raid-devices=2 "$v0" "$v1"
held "md" disk0 "$v0 is part of the md array md0"
held "md's other half" disk1 "$v1 is part of the md array md0"
check "stop it" mdadm --quiet --stop /dev/md0
mdadm --quiet --zero-superblock "$v0" "$v1"

check "btrfs" mkfs.btrfs -q -f -d raid1 -m raid1 $one $two
mount $one /mnt || bail "no btrfs"
held "btrfs" disk0 "$v0 is mounted at /mnt"
held "its other disk" disk1 "$v1 is part of the btrfs [0-9a-f-]{36}"
umount /mnt
wipefs -q -a $one $two

check "device mapper" dmsetup create half --table "0 1024 linear $v0 0"
held "device mapper" disk0 "$v0 is part of the device mapper's half \(dm-[0-9]+\)"
dmsetup remove half
check "swap" mkswap -q $one
swapon $one
held "swap" disk0 "$v0 is swap"
swapoff $one
exec 7<"$v0"
held "a program" disk0 "$v0 is open in bash \(process $$\)"
exec 7<&-

# ---- by force ---------------------------------------------------------------

mkfs.ext4 -q -F "$two"
mount "$two" /mnt || bail "no file system"
expect_log "I/O error|EXT4-fs|JBD2|Buffer I/O"
said=$(vofctl disconnect --force disk1 2>&1)
is "by force" $? 0
like "it says who had it" "$said" "$v1 is mounted at /mnt"
like "and what it did" "$said" "disk1: taken away all the same"
check_not "it is gone" test -e "$two"
umount /mnt
check "disconnect all" vofctl disconnect --all
check "by-path is empty" until_done 20 test ! -e /dev/disk/by-path/vof-disk0
barrier "done"
finish
