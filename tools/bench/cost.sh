#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Instructions per I/O: cost.sh "SYSTEM..." "SIZE..." "DEPTH..."
# One guest plays both sides. The clock counts instructions, see scripts/guest.
. "${0%/*}/lib.sh"

systems=$1
sizes=$2
depths=$3

# fio says how long a job took in milliseconds: at depth, enough for the third digit.
ios()
{
	case $1:$2 in
	4k:1) echo 400 ;;
	4k:*) echo 6400 ;;
	64k:1) echo 100 ;;
	64k:*) echo 1600 ;;
	*:1) echo 24 ;;
	*) echo 96 ;;
	esac
}

jobs_for()
{
	local rw bs depth
	# The first I/Os of a device fill caches; nobody looks at this job.
	job randread 4k 16 100
	for bs in $sizes; do
		for rw in randread randwrite; do
			for depth in $depths; do
				job "$rw" "$bs" "$depth" "$(ios "$bs" "$depth")"
			done
		done
	done
}

bytes() { echo $(($(sed 's/k/*1024/; s/m/*1024*1024/' <<<"$1"))); }

floor()
{
	local bs depth shape
	for bs in $sizes; do
		for depth in $depths; do
			for shape in read write; do
				# A read's data and status lie side by side.
				[ "$shape" != read ] || shape="read merged"
				# shellcheck disable=SC2086 # words
				result floor "rand${shape%% *}-$bs-$depth" "$(vof-floor \
					-b "$(bytes "$bs")" -q "$depth" \
					-n "$(ios "$bs" "$depth")" $shape)"
			done
		done
	done
}

floor_tcp()
{
	local bs depth shape
	for bs in $sizes; do
		for depth in $depths; do
			for shape in read write; do
				result floor-tcp "rand$shape-$bs-$depth" "$(vof-floor-tcp \
					-a "$VOF_ADDR" -b "$(bytes "$bs")" -q "$depth" \
					-n "$(ios "$bs" "$depth")" $shape)"
			done
		done
	done
}

result info release "$(uname -r)"
for system in $systems; do
	case $system in
	floor)
		floor
		;;
	floor-tcp)
		floor_tcp
		;;
	virtio_of|virtio_of-tcp)
		transport=${system#virtio_of}
		transport=${transport#-}
		transport=${transport:-rdma}
		start_target "$transport" --blk tvqn=bench,mem=64M,queues=1
		vof_connect bench bench "$VOF_ADDR" "$transport"
		fill_disk
		jobs_for | run_jobs "$system"
		vof_disconnect bench
		stop_target
		;;
	nvme-rdma)
		null_disk 64
		nvmet_serve rdma 4420 "$NULL_DISK"
		nvme_connect rdma 4420 "$VOF_ADDR"
		fill_disk
		jobs_for | run_jobs "$system"
		nvme_disconnect
		nvmet_gone 4420
		null_disk_gone
		;;
	nvme-tcp)
		null_disk 64
		nvmet_serve tcp 4421 "$NULL_DISK"
		nvme_connect tcp 4421 "$VOF_ADDR"
		fill_disk
		jobs_for | run_jobs "$system"
		nvme_disconnect
		nvmet_gone 4421
		null_disk_gone
		;;
	*)
		die "no system $system"
		;;
	esac
done
