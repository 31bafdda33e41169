#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The initiator's side of scripts/demo: connect, look at every file, write new
# ones, disconnect. Commands are shown as one would type them.

set -eu -o pipefail

run()
{
	echo "\$ $*"
	"$@"
}

# For a command with a redirection: shown, and run as it stands.
sh_run()
{
	echo "\$ $1"
	eval "$1"
}

die()
{
	echo "FAILED: $*"
	dmesg | tail -n 20
	exit 1
}

trap 'die "the command above"' ERR

config=/sys/kernel/config/virtio_of/demo
new=/mnt/new

run modprobe "virtio_of_$VOF_TRANSPORT"
barrier listening
run mkdir $config
sh_run "echo $VOF_TRANSPORT > $config/transport"
sh_run "echo $(node_addr target) > $config/traddr"
sh_run "echo demo > $config/tvqn"
sh_run "echo 1 > $config/enable"
run cat $config/state $config/device
for _ in {1..100}; do
	[ ! -b /dev/vda ] || break
	sleep 0.1
done
run lsblk /dev/vda
run cat /sys/block/vda/serial
echo
[ "$(cat /sys/block/vda/serial)" = vof-demo ]

run mount -t ext4 /dev/vda /mnt
total=$(wc -l </in/sha256sums)
echo "\$ sha256sum -c ($total files)"
start=$SECONDS
(cd /mnt && sha256sum -c /in/sha256sums 2>&1 || echo "sha256sum failed") |
	awk -v total="$total" '
		/: OK$/ { if (++n % 200 == 0) print "  " n " of " total " files are the same"; fflush(); next }
		{ print; bad = 1 }
		END { print "  " n + 0 " of " total " files are the same as the originals"; exit bad || n != total }'
echo "  in $((SECONDS - start)) s"

run mkdir $new
for bs in 4k 64k 1m; do
	# A random order, so that neighbouring blocks come from different requests.
	run fio --name="bs-$bs" --directory=$new --rw=randwrite --bs=$bs \
		--size=16m --ioengine=libaio --iodepth=16 --direct=1 \
		--verify=crc32c --verify_fatal=1 --thread --fallocate=none \
		--output-format=terse --output=/tmp/fio.out ||
		{ cat /tmp/fio.out; false; }
	echo "  written, read back and verified"
done
cp -r /vof $new/vof
sync
(cd /mnt && find ./new -type f -print0 | sort -z | xargs -0 sha256sum) \
	>/out/new.sha256sums
echo "  $(wc -l </out/new.sha256sums) new files, $(du -sm $new | cut -f 1) MB"

run umount /mnt
sh_run "echo 0 > $config/enable"
run rmdir $config
[ ! -e /dev/vda ]
run rmmod "virtio_of_$VOF_TRANSPORT" virtio_of
bad=$(dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace|blocked for more') || true
[ -z "$bad" ] || die "the kernel complains: $bad"
barrier disconnected
