#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A real file system: made, filled, unmounted, checked, mounted again, and the
# same after the device was away.
# transports: rdma tcp
# timeout: 300
# smp: 2
. "$(dirname "$0")/lib.sh"

mnt=$VOF_TMP/mnt
mkdir -p "$mnt"
truncate -s 96M "$VOF_TMP/image"
start_target --blk "tvqn=disk0,file=$VOF_TMP/image,queues=2"
check "connect" vof_connect d0 tvqn=disk0
disk=$(vof_disk d0)

check "mkfs" mkfs.ext4 -q -F "$disk"
check "mount" mount -t ext4 -o discard "$disk" "$mnt"
mkdir "$mnt/files"
check "files are copied" bash -c "cp -a /usr/bin /usr/lib/modules $mnt/files/ && sync"
(cd "$mnt" && find files -type f -exec sha256sum {} +) >"$VOF_TMP/sums"
note "$(wc -l <"$VOF_TMP/sums") files, $(du -sm "$mnt/files" | cut -f1) MiB"
check "files written with fsync" vof_fio directory="$mnt" rw=randwrite bs=4k \
	size=4m nrfiles=8 direct=0 fsync=16 ioengine=psync verify=crc32c
check "umount" umount "$mnt"
check "fsck" e2fsck -f -n "$disk"

vof_disconnect d0
check "fsck of the image at the target" e2fsck -f -n "$VOF_TMP/image"
check "connect again" vof_connect d0 tvqn=disk0
disk=$(vof_disk d0)
check "mount again" mount -t ext4 "$disk" "$mnt"
check "every file is as it was" bash -c "cd $mnt && sha256sum --quiet -c $VOF_TMP/sums"
rm -r "$mnt/files"
check "fstrim" fstrim "$mnt"
check "umount again" umount "$mnt"
check "fsck again" e2fsck -f -n "$disk"
finish
