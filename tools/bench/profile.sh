#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Where the instructions go: profile.sh SYSTEM RW BS DEPTH COUNT, in a guest whose
# QEMU has count.c. Leaves in /out what tells addresses apart.
# profile.sh mark NAME is what fio calls in front of each job.
. "${0%/*}/lib.sh"

if [ "$1" = mark ]; then
	fio=$PPID
	# A shell may be in between.
	[ "$(cat "/proc/$fio/comm")" = fio ] || read -r _ _ _ fio _ <"/proc/$fio/stat"
	cat "/proc/$fio/maps" >/out/fio.maps
	exec vof-mark
fi

system=$1
rw=$2
bs=$3
depth=$4
count=$5

# The first I/Os of a device fill caches. The next two jobs differ in their length
# alone: what the second executes more is that of its I/Os. The last one is there
# for its mark.
jobs()
{
	local n
	for n in 100 $((count / 4)) $((count + count / 4)) 1; do
		job "$rw" "$bs" "$depth" "$n" | sed "s/^\[/[$n-/"
		echo "exec_prerun=$0 mark"
	done
}

cd "${tmp:?}" || die "no directory"
case $system in
virtio_of|virtio_of-tcp)
	transport=${system#virtio_of}
	transport=${transport#-}
	transport=${transport:-rdma}
	start_target "$transport" --blk tvqn=bench,mem=64M,queues=1
	vof_connect bench bench "$VOF_ADDR" "$transport"
	fill_disk
	cat "/proc/$TARGET/maps" >/out/target.maps
	;;
nvme-rdma|nvme-tcp)
	null_disk 64
	nvmet_serve "${system#nvme-}" 4420 "$NULL_DISK"
	nvme_connect "${system#nvme-}" 4420 "$VOF_ADDR"
	fill_disk
	: >/out/target.maps
	;;
*)
	die "no system $system"
	;;
esac
cat /proc/kallsyms >/out/kallsyms
jobs | run_jobs "$system"
